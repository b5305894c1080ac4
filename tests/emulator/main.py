"""An AWS account for trying and testing: MiniStack, the profile in front of it, and Aurora's data plane on the cluster.

usage: main.py ADDRESS PORT FOLDER [--data-plane]

Serves at http://ADDRESS:PORT until it is ended. FOLDER gets the logs and, once all is ready, the file `ready`.
"""

import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3

import aurora
import proxy

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"
FUNCTION = "arn:aws:lambda:{region}:" + ACCOUNT + ":function:gate"
REGIONS = (REGION, "us-east-1")
PAUSE_SECONDS = 1.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_ministack(port: int, log: Path) -> subprocess.Popen:
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
    }
    program = Path(sys.executable).parent / "ministack"
    return subprocess.Popen([program], env=environment, stdout=log.open("w"), stderr=subprocess.STDOUT)


def wait_for(port: int, process: subprocess.Popen):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"emulator: MiniStack ended with {process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2).read()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("emulator: MiniStack does not answer")


def client(service: str, port: int, region: str = REGION):
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=region,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="emulator",
    )


def make_gate(port: int):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", (Path(__file__).parent / "gate_function.py").read_text())
    for region in REGIONS:
        client("lambda", port, region).create_function(
            FunctionName="gate",
            Runtime="python3.11",
            Role=f"arn:aws:iam::{ACCOUNT}:role/gate",
            Handler="index.handler",
            Code={"ZipFile": code.getvalue()},
            Timeout=300,
        )


def keep_to_letters(secrets):
    """Gives the secrets of origins a value of letters and digits, which the template asks for and the emulator ignores."""
    for secret in secrets.list_secrets()["SecretList"]:
        if "OriginSecret" in secret["Name"]:
            value = secrets.get_secret_value(SecretId=secret["ARN"])["SecretString"]
            if not value.isalnum():
                secrets.put_secret_value(SecretId=secret["ARN"], SecretString=os.urandom(32).hex())


def main():
    address, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ready").unlink(missing_ok=True)
    inner = free_port()
    ministack = start_ministack(inner, folder / "ministack.log")

    def end(*_):
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        wait_for(inner, ministack)
        make_gate(inner)
        server = proxy.serve((address, port), ("127.0.0.1", inner), FUNCTION)
        data_plane = aurora.DataPlane(client("rds", inner), client("secretsmanager", inner))
        (folder / "ready").write_text(f"http://{address}:{port}\n")
        print(f"emulator: ready at http://{address}:{port}", flush=True)
        secrets = client("secretsmanager", inner)
        while ministack.poll() is None:
            keep_to_letters(secrets)
            if "--data-plane" in sys.argv:
                try:
                    data_plane.follow()
                except (subprocess.CalledProcessError, OSError) as error:
                    print(f"aurora: {error}: {getattr(error, 'stderr', '')}", flush=True)
            time.sleep(PAUSE_SECONDS)
        server.shutdown()
        sys.exit(f"emulator: MiniStack ended with {ministack.returncode}")
    finally:
        ministack.terminate()
        ministack.wait(10)


if __name__ == "__main__":
    main()
