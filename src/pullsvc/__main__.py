"""`python -m pullsvc`, and what the installed command runs."""

from pullsvc.cli.main import main

if __name__ == "__main__":
    main()
