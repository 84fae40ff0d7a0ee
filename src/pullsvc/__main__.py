"""`python -m pullsvc`, and what the installed command runs."""


def main() -> None:
    """Run the command line."""
    from pullsvc.cli.main import main as run  # noqa: PLC0415 - processes that a command starts read this file again

    run()


if __name__ == "__main__":
    main()
