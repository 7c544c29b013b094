"""Local clouds for tests: copies of this repository with state, emulator and port of their own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from local import emulator, emulators, functions_emulator, stacks
from local.engine import engine
from local.paths import ENGINE_DIR, LOCAL_DIR, REPOSITORY, Folders

REGION: Final = "ap-southeast-2"

# Generous: CI has two cores, and other tests run beside.
TIMEOUT_SECONDS: Final = 600

_PROGRAM_FILES = ("__main__.py", *(path.name for path in sorted(REPOSITORY.glob("Pulumi*.yaml"))))
_PROGRAM_FOLDERS = ("components", "policies", "local", "operations")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.engine)


@dataclass(frozen=True)
class Answer:
    code: int
    text: str


class Started(subprocess.Popen[str]):
    """A command that is heard as it runs: a full pipe would stop it while another one, which the
    test listens to first, waits for it."""

    def __init__(self, words: Sequence[str], **how: Any) -> None:
        super().__init__(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)
        self._heard: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.stdout is not None
        with self.stdout:
            self._heard.extend(self.stdout)

    def finish(self) -> Answer:
        """What it said, its children included, and how it ended."""
        self._listener.join(TIMEOUT_SECONDS)
        return Answer(self.wait(TIMEOUT_SECONDS), "".join(self._heard))

    def end(self) -> None:
        """Of no effect on one that has ended; what a failed test has left would go on."""
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait()


@dataclass(frozen=True)
class LocalCloud:
    """A local cloud in a folder of its own; `repository` is a copy that tests may change."""

    repository: Path
    folders: Folders
    port: int
    functions_port: int
    _started: list[Started] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PULUMI_"))}
        return kept | {
            LOCAL_DIR: str(self.folders.root),
            ENGINE_DIR: str(self.folders.engine),
            emulator.PORT_VARIABLE: str(self.port),
            functions_emulator.PORT_VARIABLE: str(self.functions_port),
            "COLUMNS": "200",
        }

    def start(self, *words: str, below: tuple[str, ...] = ()) -> Started:
        """A command of the local cloud, run by another one if `below` names it."""
        started = Started(
            [*below, sys.executable, "-m", "local", *words],
            cwd=self.repository,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._started.append(started)
        return started

    def run(self, *words: str) -> Answer:
        return self.start(*words).finish()

    def shell(self, commands: str, stack: str = "staging") -> Answer:
        result = subprocess.run(
            [sys.executable, "-m", "local", "shell", "--stack", stack],
            cwd=self.repository,
            env=self.environment,
            input=commands,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
        return Answer(result.returncode, result.stdout)

    def configure(self, stack: str, /, **sections: dict[str, Any]) -> None:
        config = {f"aussie-markets:{name}": values for name, values in sections.items()}
        (self.repository / f"Pulumi.{stack}.yaml").write_text(json.dumps({"config": config}))

    def client(self, service: str, region: str = REGION) -> Any:
        functions = service.upper() in functions_emulator.SERVICES
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name=region,
            endpoint_url=f"http://127.0.0.1:{self.functions_port if functions else self.port}",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def state(self, stack: str) -> list[dict[str, Any]]:
        path = self.folders.state / ".pulumi" / "stacks" / "aussie-markets" / f"{stack}.json"
        try:
            latest = json.loads(path.read_text())["checkpoint"]["latest"]
        except (FileNotFoundError, ValueError):
            return []
        return list((latest or {}).get("resources") or [])

    def outputs(self, stack: str) -> dict[str, Any]:
        (root,) = [r for r in self.state(stack) if r["type"] == "pulumi:pulumi:Stack"]
        return dict(root["outputs"])

    def steps(self, stack: str, *flags: str) -> dict[str, dict[str, Any]]:
        """The steps of a preview by type and name, unchanged resources left out."""
        answer = self.shell(" ".join(["pulumi preview --json 2>/dev/null", *flags]), stack)
        assert answer.code == 0, answer.text
        start = answer.text.index("{")
        steps = json.loads(answer.text[start : answer.text.rindex("}") + 1])["steps"]
        return {
            f"{step['urn'].split('::')[2].split(':')[-1]} {step['urn'].split('::')[-1]}": step
            for step in steps
            if step["op"] not in ("same", "refresh")
        }

    def inventory(self) -> dict[str, int]:
        """How many of each kind the emulator holds, AWS's own defaults apart."""
        ec2, logs, kms, iam = (self.client(name) for name in ("ec2", "logs", "kms", "iam"))
        rds, cache, ssm = (self.client(name) for name in ("rds", "elasticache", "ssm"))
        parameters = [{"Key": "Name", "Option": "BeginsWith", "Values": ["/aussie-markets/"]}]
        ours = [{"Name": "tag:Project", "Values": ["aussie-markets"]}]
        keys = [kms.describe_key(KeyId=k["KeyId"]) for k in kms.list_keys()["Keys"]]
        vpcs = ec2.describe_vpcs(Filters=ours)["Vpcs"]
        in_ours = [{"Name": "vpc-id", "Values": [vpc["VpcId"] for vpc in vpcs] or ["none"]}]
        tables = ec2.describe_route_tables(Filters=in_ours)["RouteTables"]
        nats = ec2.describe_nat_gateways(Filters=ours)["NatGateways"]
        endpoints = ec2.describe_vpc_endpoints(Filters=in_ours)["VpcEndpoints"]
        return {
            "vpcs": len(vpcs),
            "subnets": len(ec2.describe_subnets(Filters=in_ours)["Subnets"]),
            "internet gateways": len(
                ec2.describe_internet_gateways(Filters=ours)["InternetGateways"]
            ),
            "route tables": len(tables),
            "routes": sum(len(table["Routes"]) for table in tables),
            "associations": sum(len(table["Associations"]) for table in tables),
            "addresses": len(ec2.describe_addresses(Filters=ours)["Addresses"]),
            "nat gateways": len([nat for nat in nats if nat["State"] != "deleted"]),
            "groups": len(ec2.describe_security_groups(Filters=in_ours)["SecurityGroups"]),
            "rules": len(ec2.describe_security_group_rules(Filters=ours)["SecurityGroupRules"]),
            "endpoints": len([e for e in endpoints if e["State"] != "deleted"]),
            "flow logs": len(ec2.describe_flow_logs()["FlowLogs"]),
            "log groups": len(logs.describe_log_groups()["logGroups"]),
            "keys": len([k for k in keys if k["KeyMetadata"]["KeyManager"] == "CUSTOMER"]),
            "roles": len(iam.list_roles()["Roles"]),
            "databases": len(rds.describe_db_instances()["DBInstances"]),
            "caches": len(cache.describe_replication_groups()["ReplicationGroups"]),
            "parameters": len(ssm.describe_parameters(ParameterFilters=parameters)["Parameters"]),
            "snapshots": len(rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]),
        }

    @cached_property
    def pulumi_environment(self) -> dict[str, str]:
        running = emulators.find(self.folders)
        assert running is not None
        return stacks.environment(self.folders, running)

    def close(self) -> None:
        for started in self._started:
            started.end()
        emulators.stop(self.folders)
        shutil.rmtree(self.folders.root, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def built_engine() -> Path:
    """The folder with the engine, built here if this machine has none; shared by every cloud."""
    folder = Path(os.environ.get(ENGINE_DIR) or REPOSITORY / ".local" / "engine")
    engine(Folders(REPOSITORY / ".local", folder))
    return folder


MakeCloud = Callable[[], LocalCloud]


@pytest.fixture(scope="module")
def make_cloud(built_engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeCloud]:
    made: list[LocalCloud] = []

    def make() -> LocalCloud:
        folder = tmp_path_factory.mktemp("cloud")
        repository = folder / "repository"
        for name in _PROGRAM_FOLDERS:
            shutil.copytree(
                REPOSITORY / name,
                repository / name,
                symlinks=True,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        for name in _PROGRAM_FILES:
            shutil.copy(REPOSITORY / name, repository / name)
        where = Folders(folder / "local", built_engine)
        cloud = LocalCloud(repository, where, free_port(), free_port())
        made.append(cloud)
        return cloud

    yield make
    for cloud in made:
        cloud.close()
