"""docs/commands.md tells what the code does."""

from pathlib import Path

from console.cli.arguments import COMMANDS, build_parser
from console.model.outcome import Outcome

TEXT = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()


def test_the_table_of_exit_codes_is_the_one_of_the_code():
    rows = [f"| {outcome.code} | {outcome.meaning} |" for outcome in Outcome]
    assert "\n".join(rows) in TEXT


def test_every_command_and_every_long_option_is_told():
    for name in COMMANDS:
        assert f"`{name}" in TEXT or f"{name} " in TEXT, name
    subcommands = next(action for action in build_parser()._actions if action.dest == "command").choices
    for parser in subcommands.values():
        for action in parser._actions:
            for option in action.option_strings:
                assert option in TEXT or option in {"-h", "--help"}, option
