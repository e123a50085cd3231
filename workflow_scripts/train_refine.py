"""Train the multi-task refinement network (MTR): five attributes -> the same five, refined."""

from strataflow.cli.arguments import run
from strataflow.cli.training import train_command

if __name__ == "__main__":
    run(lambda: train_command("refine", __doc__))
