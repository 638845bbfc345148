"""`python -m segkit`, which is what torchrun starts."""

from segkit.cli.main import main

if __name__ == "__main__":  # a worker process imports this file too
    main()
