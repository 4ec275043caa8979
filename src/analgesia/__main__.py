"""`python -m analgesia` is the command `analgesia`."""

from analgesia.cli import main

main()
