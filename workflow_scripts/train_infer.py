"""Train the multi-task inference network (MTI): image -> dhr, rgt, fsem, fdip, fstrike."""

from strataflow.cli.arguments import run
from strataflow.cli.training import train_command

if __name__ == "__main__":
    run(lambda: train_command("infer", __doc__))
