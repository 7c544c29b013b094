"""Pulumi's language host for Python, for machines without the official one.

An official Pulumi install brings `pulumi-language-python`; the Go module that the local cloud
builds its engine from does not. The protocol is `pulumirpc.LanguageRuntime`
(github.com/pulumi/pulumi, proto/pulumi/language.proto). Programs run on the interpreter that runs
this file, so its virtual environment is the program's.
"""

import json
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from local.lifetime import serve
from local.program import ALREADY_EXPLAINED, Run

VERSION = "3.272.0"

# What a plugin prints, as it comes; None where one of its streams ends.
Chunks = SimpleQueue[language_pb2.RunPluginResponse | None]


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    def __init__(self, engine: str) -> None:
        self._engine = engine

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        # The providers are the stand-ins on PATH, which the engine finds when they are asked for.
        return language_pb2.GetRequiredPackagesResponse()

    def About(self, request: Any, context: Any) -> Any:
        return language_pb2.AboutResponse(
            executable=sys.executable, version=platform.python_version()
        )

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        return language_pb2.GetProgramDependenciesResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        # `make` has installed them into this interpreter's environment.
        yield from ()

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        return language_pb2.RuntimeOptionsResponse()

    def Run(self, request: Any, context: Any) -> Any:
        run = Run(
            program=str(Path(request.info.program_directory) / request.info.entry_point),
            project=request.project,
            stack=request.stack,
            organization=request.organization,
            root_directory=request.info.root_directory,
            config=dict(request.config),
            config_secret_keys=list(request.configSecretKeys),
            dry_run=request.dryRun,
            parallel=request.parallel,
            monitor=request.monitor_address,
            engine=self._engine,
        )
        # A process of its own: a crash of the program is then no crash of the host. Settings go
        # through a pipe, since config may hold secrets and arguments are for everyone to see.
        process = subprocess.run(
            [sys.executable, "-u", "-m", "local.program"],
            input=json.dumps(run._asdict()),
            text=True,
            cwd=request.pwd,
            env=os.environ | {"PYTHONPATH": _with_this_repository()},
            check=False,
        )
        if process.returncode == ALREADY_EXPLAINED:
            return language_pb2.RunResponse(bail=True)
        if process.returncode:
            return language_pb2.RunResponse(
                error=f"the program ended with exit code {process.returncode}"
            )
        return language_pb2.RunResponse()

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        program = str(Path(request.info.program_directory) / request.info.entry_point)
        arguments = list(request.args)
        if request.kind == "analyzer":
            words = ["-m", "pulumi.policy", *arguments, program]
        else:
            words = [program, *arguments]
        process = subprocess.Popen(
            [sys.executable, "-u", *words],
            cwd=request.pwd,
            env=dict(entry.split("=", 1) for entry in request.env) or None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(process.kill)
        chunks: Chunks = SimpleQueue()
        streams = {"stdout": process.stdout, "stderr": process.stderr}
        for name, stream in streams.items():
            threading.Thread(target=_forward, args=(name, stream, chunks), daemon=True).start()
        for _ in streams:
            yield from iter(chunks.get, None)
        yield language_pb2.RunPluginResponse(exitcode=process.wait())

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()


def _forward(name: str, stream: BinaryIO, chunks: Chunks) -> None:
    while text := os.read(stream.fileno(), 65536):
        chunk = language_pb2.RunPluginResponse()
        setattr(chunk, name, text)
        chunks.put(chunk)
    chunks.put(None)


def _with_this_repository() -> str:
    here = str(Path(__file__).parents[1])
    inherited = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join([here, inherited] if inherited else [here])


def main() -> None:
    engine = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    server = grpc.server(ThreadPoolExecutor(max_workers=16))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(engine), server)
    serve(server)


if __name__ == "__main__":
    main()
