"""One file per command of `analgesia`: the folder is the registry."""
