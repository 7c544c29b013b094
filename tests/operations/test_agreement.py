"""What runbooks and program both say is the same on both sides."""

from components import naming, parameters
from components.service import PRIORITIES_PER_SERVICE
from operations import maintenance, recover
from operations import parameters as parameter_runbooks
from tests.operations.stack import REPOSITORY_NAME


def test_names_and_priorities_are_the_programs() -> None:
    assert naming.repository("api") == REPOSITORY_NAME
    assert parameters.MAINTENANCE_MODE == parameter_runbooks.MAINTENANCE_MODE
    assert maintenance.RULE_PRIORITY < PRIORITIES_PER_SERVICE
    assert list(naming.Names("staging").backup_tags) == [recover.BACKUP_TAG]
