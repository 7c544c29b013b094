"""What runbooks and program both say is the same on both sides."""

from components import naming, parameters
from components.service import PRIORITIES_PER_SERVICE
from components.settings.domain import DomainSettings
from operations import maintenance, migrate, recover
from operations import parameters as parameter_runbooks
from tests.operations.stack import REPOSITORY_NAME


def test_names_priorities_and_hosts_are_the_programs() -> None:
    assert naming.repository("api") == REPOSITORY_NAME
    assert parameters.MAINTENANCE_MODE == parameter_runbooks.MAINTENANCE_MODE
    assert maintenance.RULE_PRIORITY < PRIORITIES_PER_SERVICE
    assert list(naming.Names("staging").backup_tags) == [recover.BACKUP_TAG]
    for environment in ("staging", "production", "a-demo"):
        host = DomainSettings().api_host_of(environment)
        assert migrate.health_url(environment) == f"https://{host}/health"
