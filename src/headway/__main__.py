"""`python -m headway`."""

from headway.cli.start import main

main()
