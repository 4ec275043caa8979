"""analgesia: from a dose of a drug to felt pain and harm."""
