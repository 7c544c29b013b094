"""The stacks of the local cloud: Pulumi's environment, their files, and what a killed run left."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from components.naming import ACCOUNT_STACK
from components.settings.secrets import SecretSettings
from local.console import LocalCloudError, say
from local.emulators import Emulators
from local.engine import path_without
from local.functions_emulator import SERVICES
from local.locks import is_running
from local.paths import LOCAL_DIR, REPOSITORY, Folders
from local.providers.aws.journal import Journal

REGION: Final = "ap-southeast-2"
PACKS: Final = REPOSITORY / "policies"

# It protects throw-away secrets in a folder that git ignores, and nothing else.
_PASSPHRASE: Final = "local"  # noqa: S105

_SET_PARENT_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG of Linux's prctl(2)


def write_launchers(folders: Folders, pulumi: Path) -> None:
    """The plugins, and `pulumi` itself, as commands in the folder that comes first on PATH."""
    folders.bin.mkdir(parents=True, exist_ok=True)
    modules = {
        "pulumi-resource-aws": "local.providers.aws",
        "pulumi-resource-awsx": "local.providers.awsx",
    }
    language_host = folders.bin / "pulumi-language-python"
    if _official_language_host(folders, pulumi):
        language_host.unlink(missing_ok=True)
    else:
        modules[language_host.name] = "local.language_host"
    for name, module in modules.items():
        # Not -m from the caller's folder: the engine starts plugins in the program's.
        _replace_file(
            folders.bin / name,
            "#!/bin/sh\n"
            f'export PYTHONPATH="{REPOSITORY}${{PYTHONPATH:+:$PYTHONPATH}}"\n'
            f'exec "{sys.executable}" -m {module} "$@"\n',
        )
    _replace_file(folders.bin / "pulumi", f'#!/bin/sh\nexec "{pulumi}" "$@"\n')


def _official_language_host(folders: Folders, pulumi: Path) -> bool:
    beside = pulumi.resolve().parent / "pulumi-language-python"
    on_path = shutil.which("pulumi-language-python", path=path_without(folders.bin))
    return beside.exists() or on_path is not None


def _replace_file(path: Path, text: str, mode: int = 0o755) -> None:
    if path.exists() and path.read_text() == text:
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.chmod(mode)
    draft.replace(path)


def environment(folders: Folders, emulators: Emulators) -> dict[str, str]:
    """The environment of every Pulumi command: no account, profile or endpoint but emulators."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PULUMI_", "MAKE", "MFLAGS"))
    }
    return kept | {
        "PATH": os.pathsep.join([str(folders.bin), os.environ.get("PATH", "")]),
        LOCAL_DIR: str(folders.root),
        "PULUMI_BACKEND_URL": folders.state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": _PASSPHRASE,
        "PULUMI_HOME": str(folders.pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "AWS_ENDPOINT_URL": emulators.aws.url,
        **{f"AWS_ENDPOINT_URL_{name}": emulators.functions.url for name in SERVICES},
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "GRPC_VERBOSITY": "ERROR",
        # A proxy for the outside knows nothing of this machine's loopback.
        **{name: _with_loopback(os.environ.get(name)) for name in ("NO_PROXY", "no_proxy")},
    }


def _with_loopback(no_proxy: str | None) -> str:
    return ",".join([*([no_proxy] if no_proxy else []), "127.0.0.1", "localhost"])


def require_stack(name: str) -> None:
    """Refuse a stack without a file, before anything is built or started for it."""
    if not (REPOSITORY / f"Pulumi.{name}.yaml").exists():
        names = sorted(path.name.split(".")[1] for path in REPOSITORY.glob("Pulumi.*.yaml"))
        raise LocalCloudError(
            f"there is no stack {name!r}: Pulumi.{name}.yaml does not exist; use one of "
            f"{', '.join(names)}, or write the file"
        )


@dataclass(frozen=True)
class Stack:
    """One stack in the local cloud's own state."""

    name: str
    folders: Folders
    environment: Mapping[str, str]
    lock: int | None = None

    @property
    def config_file(self) -> Path:
        return self.folders.project / f"Pulumi.{self.name}.yaml"

    @property
    def state_file(self) -> Path:
        return self.folders.state / ".pulumi" / "stacks" / self.project / f"{self.name}.json"

    @cached_property
    def project(self) -> str:
        return str(_read_yaml(REPOSITORY / "Pulumi.yaml")["name"])

    def prepare(self) -> None:
        """Bring the stack's file and state into being.

        A killed `down` may leave Pulumi's lock without the stack, which then cannot be made again:
        the holder of our own lock takes it away first.
        """
        self._write_config()
        if self.lock is not None:
            self._break_dead_locks()
            self._mend_checkpoint()
        if not self.state_file.exists():
            self.folders.state.mkdir(parents=True, exist_ok=True)
            self.quietly("-C", str(self.folders.project), "stack", "init", self.name)
        self._make_secrets()

    def clean_up(self) -> None:
        """Undo what a killed run left in the way; only for the holder of the stack's lock."""
        self._break_dead_locks()
        self._drop_pending()
        journal = Journal(self.folders.journal)
        for resource in self.resources():
            if resource.get("id"):
                journal.in_state(resource["urn"], resource["id"])

    def _write_config(self) -> None:
        """A copy of the committed file, with throw-away secrets instead of the real ones.

        Secrets of a stack on AWS stay out: only its secrets provider could read them, and asking
        it would reach a real account.
        """
        committed = REPOSITORY / f"Pulumi.{self.name}.yaml"
        self.folders.project.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / "Pulumi.yaml", self.folders.project / "Pulumi.yaml")
        content = _read_yaml(committed)
        for key in ("secretsprovider", "encryptedkey", "encryptionsalt"):
            content.pop(key, None)
        content, left_out = _without_secrets(content)
        if left_out:
            say(f"{self.name}: secrets of the AWS stack are left out: {', '.join(left_out)}")
        earlier = _read_yaml(self.config_file) if self.config_file.exists() else {}
        if "encryptionsalt" in earlier:
            content["encryptionsalt"] = earlier["encryptionsalt"]
            made = (earlier.get("config") or {}).get(self._secrets_key)
            if made:
                content["config"] = {**(content.get("config") or {}), self._secrets_key: made}
        _replace_file(self.config_file, yaml.safe_dump(content), 0o644)

    @property
    def _secrets_key(self) -> str:
        return f"{self.project}:secrets"

    def _make_secrets(self) -> None:
        """Throw-away values for the secrets that the local stack has not yet, made once."""
        if self.name == ACCOUNT_STACK:
            return  # It has none.
        declared = _read_yaml(REPOSITORY / "Pulumi.yaml").get("config") or {}
        if "secrets" not in declared:
            return
        present = (_read_yaml(self.config_file).get("config") or {}).get(self._secrets_key) or {}
        missing = [name for name in SecretSettings.model_fields if name not in present]
        if not missing:
            return
        say(f"{self.name}: making throw-away secrets for the local cloud")
        words = [
            word
            for name in missing
            for word in ("--secret", f"{self._secrets_key}.{name}={_throw_away(name)}")
        ]
        self.quietly(
            *("config", "set-all", "-s", self.name, "--config-file", str(self.config_file)),
            *("--path", *words),
        )

    def _break_dead_locks(self) -> None:
        locks = self.folders.state / ".pulumi" / "locks"
        for path in locks.rglob(f"{self.name}/*.json"):
            holder = _lock_holder(path)
            if is_running(holder):
                raise LocalCloudError(
                    f"another pulumi (process {holder}) works on {self.name}; let it finish, or "
                    f"end it with `kill -INT {holder}`, and run the command again"
                )
            say(f"{self.name}: an earlier run was killed; taking away its lock")
            path.unlink(missing_ok=True)

    def _mend_checkpoint(self) -> None:
        """Put right what a kill left half-written: the state, or what is noted about its file.

        Pulumi keeps the state before the last one beside it. What was made between the two is in
        the stand-in's journal, and is not made twice. The notes are made anew.
        """
        before = self.state_file.with_name(f"{self.state_file.name}.bak")
        if _is_torn(self.state_file) and before.exists():
            say(
                f"{self.name}: an earlier run was killed as it wrote the state; taking the last one"
            )
            shutil.copy(before, self.state_file)
        for file in (self.state_file, before):
            notes = file.with_name(f"{file.name}.attrs")
            if _is_torn(notes):
                notes.unlink()

    def _drop_pending(self) -> None:
        """Forget operations that a killed run began.

        The aws stand-in repeats an unfinished creation without making a second resource, and
        updates and deletions can be repeated anyway.
        """
        if not self.checkpoint().get("pending_operations"):
            return
        say(f"{self.name}: an earlier run was killed; its unfinished operations are repeated")
        deployment = json.loads(self.quietly("stack", "export", "-s", self.name))
        deployment["deployment"].pop("pending_operations", None)
        self.quietly("stack", "import", "-s", self.name, input=json.dumps(deployment))

    def checkpoint(self) -> dict[str, Any]:
        try:
            state = json.loads(self.state_file.read_text())
        except FileNotFoundError:
            return {}
        return dict((state.get("checkpoint") or {}).get("latest") or {})

    def resources(self) -> list[dict[str, Any]]:
        return list(self.checkpoint().get("resources") or [])

    def others_with_resources(self) -> list[str]:
        """The other stacks of the project that have something in their state."""
        names = sorted(path.stem for path in self.state_file.parent.glob("*.json"))
        return [
            name
            for name in names
            if name != self.name and replace(self, name=name, lock=None).resources()
        ]

    def was_brought_up(self) -> bool:
        """Whether there is something, and the last operation was an update that ended well."""
        operation = self._last_operation() if self.resources() else {}
        return (operation.get("kind"), operation.get("result")) == ("update", "succeeded")

    def last_changes(self) -> dict[str, int]:
        """Resources by what the last operation did with them (`same`, `create`, …)."""
        return dict(self._last_operation().get("resourceChanges") or {})

    def _last_operation(self) -> dict[str, Any]:
        history = self.quietly("stack", "history", "-s", self.name, "--json", "--page-size", "1")
        operations = json.loads(history)
        return dict(operations[0]) if operations else {}

    def run(self, *arguments: str) -> int:
        """Run pulumi on the stack in the user's sight; its exit code."""
        command = ["pulumi", *arguments, "-s", self.name, "--config-file", str(self.config_file)]
        if not sys.stdin.isatty():
            command.append("--non-interactive")
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=dict(self.environment),
            pass_fds=[] if self.lock is None else [self.lock],
            preexec_fn=_interrupted_when_parent_dies,
        )
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # It was interrupted too, and ends in its own time, with the state saved.
                say("pulumi finishes what it has begun")

    def quietly(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002
        """Run pulumi out of sight; its output.

        Raises:
            LocalCloudError: with what pulumi said.
        """
        result = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=REPOSITORY,
            env=dict(self.environment),
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            said = (result.stderr or result.stdout).strip()
            raise LocalCloudError(f"`pulumi {' '.join(arguments)}` failed: {said}")
        return result.stdout


def packs() -> list[str]:
    """The policy packs as arguments for preview and up."""
    found = sorted(path.parent for path in PACKS.glob("*/PulumiPolicy.yaml"))
    return [word for path in found for word in ("--policy-pack", str(path))]


def _throw_away(name: str) -> str:
    # Hexadecimal digits fit every service's alphabet; Stripe's keys say what they are.
    prefix = "sk_test_" if name.startswith("stripe") else ""
    return prefix + secrets.token_hex(24)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not readable"
        raise LocalCloudError(f"{path.name}{line}: no valid YAML: {problem}") from None
    if not isinstance(content or {}, dict):
        raise LocalCloudError(f"{path.name}: must hold keys and values, such as `config:`")
    return content or {}


def _without_secrets(content: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A stack file's content without encrypted values, and the config keys that held them."""
    found: list[str] = []

    def plain(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            items = {
                key: (item, f"{path}.{key}" if path else str(key)) for key, item in value.items()
            }
            found.extend(where for item, where in items.values() if _is_secret(item))
            return {k: plain(*item) for k, item in items.items() if not _is_secret(item[0])}
        if isinstance(value, list):
            found.extend(f"{path}[{i}]" for i, item in enumerate(value) if _is_secret(item))
            return [plain(item, path) for item in value if not _is_secret(item)]
        return value

    if "config" in content:
        content = {**content, "config": plain(content["config"] or {}, "")}
    return content, sorted(found)


def _is_secret(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"secure"}


def _is_torn(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


def _lock_holder(path: Path) -> str:
    try:
        return str(json.loads(path.read_text()).get("pid"))
    except ValueError:
        return ""  # killed while it wrote the file


def _interrupted_when_parent_dies() -> None:
    """A killed `make up` ends its pulumi as an interrupt would: state saved, nothing torn."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGINT)
