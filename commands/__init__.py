"""What all command lines share: flags, errors of one line, signals, streams, whole files."""
