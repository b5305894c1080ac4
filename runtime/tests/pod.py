"""A site's pod and its database pod without a cluster: the images' trees, mounted read-only, with the pod's volumes."""
import atexit
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

SALTS = ["AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY", "AUTH_SALT", "SECURE_AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT"]
SITE = {
    "schemaVersion": 1, "url": "https://blog.example.com", "domains": ["blog.example.com", "www.example.com"], "locale": "ja",
    "timeZone": "Asia/Tokyo", "tablePrefix": "wp_",
    "database": {"host": "127.0.0.1", "port": 3306, "name": "wordpress", "tls": "Required", "credentials": "Secret"},
    "php": {"memoryLimitBytes": 134217728, "uploadMaxSizeBytes": 67108864, "maxExecutionSeconds": 60, "workers": 0},
    "pageCache": {"enabled": True, "ttlSeconds": 60},
    "originClosed": False,
    "media": {"store": "Volume"},
}
INSTALL = {"schemaVersion": 1, "title": "ブログ", "admin": {"username": "admin", "email": "admin@example.com"}}
# Everything that a shell, SQL, PHP or HTML could take for its own.
PASSWORD = "p'a\"s\\s $HOME `id` <b>%41&amp;"
DATABASE_PASSWORD = "d'b\\\"p;--`$(id)"

measurements: list[str] = []
_running: list["Process"] = []
_work = pathlib.Path(tempfile.mkdtemp(prefix="tairyo-test-"))
# The gateway runs as the user of the pod, and not inside of a root of its own.
_work.chmod(0o711)


def wait_until(what: str, condition, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Process:
    """One container's process; its output is kept in a file."""

    def __init__(self, root: pathlib.Path, user: int, arguments: list[str], environment: dict[str, str]):
        self.log = pathlib.Path(tempfile.mkstemp(dir=_work, suffix=".log")[1])
        os.chown(self.log, user, user)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(_command(root, user, arguments), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_environment(environment))
        _running.append(self)

    def stop(self, seconds: float = 60) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            if self in _running:
                _running.remove(self)
        return status

    def text(self) -> str:
        return self.log.read_text(errors="replace")


def _command(root: pathlib.Path, user: int, arguments: list[str]) -> list[str]:
    return ["setpriv", "--no-new-privs", "--bounding-set=-all,+sys_chroot,+setuid,+setgid", "chroot", f"--userspec={user}:{user}", "--groups=", str(root), *arguments]


def _environment(extra: dict[str, str]) -> dict[str, str]:
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **extra}


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


class Container:
    """The mounts that the containers of one pod share."""

    def __init__(self, tree: str, user: int, volumes: list[str]):
        self.user = user
        self.root = pathlib.Path(tempfile.mkdtemp(dir=_work))
        self.configuration = pathlib.Path(tempfile.mkdtemp(dir=_work))
        self.configuration.chmod(0o755)
        _mount("--bind", tree, str(self.root))
        _mount("-o", "remount,bind,ro", str(self.root))
        _mount("--rbind", "/dev", str(self.root / "dev"))
        _mount("-t", "proc", "proc", str(self.root / "proc"))
        for volume in volumes:
            _mount("-t", "tmpfs", "-o", f"uid={user},gid={user},mode=0755", "tmpfs", str(self.root / volume.lstrip("/")))
        _mount("--bind", str(self.configuration), str(self.root / "etc/tairyo"))

    def path(self, path: str) -> pathlib.Path:
        return self.root / path.lstrip("/")

    def secret(self, name: str, value: str) -> None:
        path = self.configuration / "secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)

    def cover(self, path: str, text: str) -> None:
        """Puts a file in the place of one of the image."""
        file = pathlib.Path(tempfile.mkstemp(dir=_work)[1])
        file.write_text(text)
        file.chmod(0o644)
        _mount("--bind", str(file), str(self.path(path)))

    def start(self, *arguments: str, **environment: str) -> Process:
        return Process(self.root, self.user, list(arguments), environment)

    def run(self, *arguments: str, input: str | None = None, **environment: str) -> subprocess.CompletedProcess:
        # Files, not pipes: nginx and php-fpm open /dev/stdout anew, and only an owner may.
        with tempfile.TemporaryFile("w+", dir=_work) as output, tempfile.TemporaryFile("w+", dir=_work) as errors:
            for file in (output, errors):
                os.fchown(file.fileno(), self.user, self.user)
            result = subprocess.run(_command(self.root, self.user, list(arguments)), input=input or "", stdout=output, stderr=errors, text=True, env=_environment(environment), timeout=120)
            for file in (output, errors):
                file.seek(0)
            return subprocess.CompletedProcess(result.args, result.returncode, output.read(), errors.read())


class Database(Container):
    def __init__(self):
        super().__init__(os.environ["TAIRYO_TEST_MARIADB"], 999, ["/var/lib/mysql", "/run/mysqld", "/tmp"])
        self.path("/var/lib/mysql/lost+found").mkdir(mode=0o700)
        self.secret("database/username", "wordpress\n")
        self.secret("database/password", DATABASE_PASSWORD + "\n")
        self.server: Process | None = None

    def up(self) -> None:
        self.server = self.start("/usr/local/bin/tairyo-mariadb", "server", TAIRYO_MEMORY_LIMIT_BYTES="268435456")
        wait_until("MariaDB is ready", self.ready, 90)

    def ready(self) -> bool:
        if self.server.process.poll() is not None:
            raise AssertionError(f"MariaDB ended: {self.server.text()}")
        return self.run("/usr/local/bin/tairyo-mariadb", "probe", "ready").returncode == 0

    def down(self) -> int:
        return self.server.stop()

    def sql(self, statement: str) -> str:
        result = self.run("mariadb", "--batch", "--skip-column-names", input=statement)
        if result.returncode:
            raise AssertionError(result.stderr)
        return result.stdout.strip()

    def as_site(self, statement: str, password: str = DATABASE_PASSWORD, *options: str) -> subprocess.CompletedProcess:
        return self.run("mariadb", "--host=127.0.0.1", "--user=wordpress", "--batch", "--skip-column-names", *(options or ("--skip-ssl",)), input=statement, MYSQL_PWD=password)


class Aws:
    """MiniStack: Secrets Manager and S3 on this pod's own loopback."""
    PORT = 4566

    def __init__(self):
        folder = os.environ["TAIRYO_TEST_MINISTACK"]
        environment = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.PORT), "MINISTACK_ACCOUNT_ID": "123456789012", "HOME": str(_work)}
        self.process = Process(pathlib.Path("/"), 0, [f"{folder}/bin/ministack"], environment)
        wait_until("MiniStack answers", self._alive)

    def _alive(self) -> bool:
        if self.process.process.poll() is not None:
            raise AssertionError(f"MiniStack ended: {self.process.text()}")
        return get("/_ministack/health", port=self.PORT).status == 200

    def call(self, target: str, **fields) -> dict:
        answer = get("/", port=self.PORT, method="POST", body=json.dumps(fields), Content_Type="application/x-amz-json-1.1", X_Amz_Target=target,
                     Authorization="AWS4-HMAC-SHA256 Credential=test/20260101/ap-northeast-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=0")
        if answer.status != 200:
            raise AssertionError(f"{target}: {answer.status} {answer.text}")
        return json.loads(answer.text)

    def s3(self, method: str, path: str, body: str | None = None) -> "Answer":
        return get(path, port=self.PORT, method=method, body=body, Authorization="AWS4-HMAC-SHA256 Credential=test/20260101/ap-northeast-1/s3/aws4_request, SignedHeaders=host, Signature=0")

    def secret(self, name: str, value: str) -> str:
        return self.call("secretsmanager.CreateSecret", Name=name, SecretString=value, ClientRequestToken="0" * 32)["ARN"]

    def replace_secret(self, arn: str, value: str) -> None:
        self.call("secretsmanager.PutSecretValue", SecretId=arn, SecretString=value, ClientRequestToken=os.urandom(16).hex())


class Gateway:
    """The sidecar of a pod. It runs as it would in the pod, but for its file system: it is no part of the image."""

    def __init__(self, pod: "WordPress", **configuration):
        self.socket = pod.path("/run/tairyo/gateway.sock")
        self.configuration = pod.configuration / "gateway.json"
        self.configuration.write_text(json.dumps({
            "schemaVersion": 1, "socket": str(self.socket), "region": "ap-northeast-1", "databaseSecretArn": None, "originSecretArns": [], "media": None, **configuration}))
        self.process: Process | None = None

    def up(self, refresh_seconds: int = 3600, **environment: str) -> None:
        environment = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{Aws.PORT}", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true", **environment}
        arguments = [os.environ["TAIRYO_TEST_BINARY"], "gateway", f"--configuration={self.configuration}", f"--refresh-seconds={refresh_seconds}"]
        self.process = Process(pathlib.Path("/"), 33, arguments, environment)

    def ready(self) -> bool:
        if self.process.process.poll() is not None:
            raise AssertionError(f"the gateway ended: {self.process.text()}")
        probe = [os.environ["TAIRYO_TEST_BINARY"], "gateway", "ready", f"--socket={self.socket}"]
        return subprocess.run(probe, capture_output=True).returncode == 0

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> "Answer":
        connection = http.client.HTTPConnection("gateway")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(30)
        connection.sock.connect(str(self.socket))
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def metric(self, line: str) -> float:
        found = [float(text.rsplit(" ", 1)[1]) for text in self.ask("GET", "/metrics").text.splitlines() if text.startswith(line)]
        return sum(found)

    def down(self) -> int:
        return self.process.stop()


class WordPress(Container):
    BOOT = "<?php require '/usr/local/share/tairyo/lib/Task.php'; Tairyo\\Task::$site = Tairyo\\Site::load(); Tairyo\\Task::prepareWordPress(false); require '/srv/wordpress/wp-load.php'; "

    def __init__(self):
        super().__init__(os.environ["TAIRYO_TEST_WORDPRESS"], 33, ["/run/tairyo", "/var/cache/tairyo", "/tmp", "/srv/wordpress/wp-content/uploads"])
        for name in SALTS:
            self.secret(f"salts/{name}", f"{name}'\"$x\\" * 8)
        self.secret("database/username", "wordpress")
        self.secret("database/password", DATABASE_PASSWORD)
        self.secret("admin/password", PASSWORD)
        self.configure()
        self.php: Process | None = None
        self.web: Process | None = None

    def configure(self, install: dict | None = None, **changes) -> None:
        site = json.loads(json.dumps(SITE))
        for key, value in changes.items():
            site[key] = {**site[key], **value} if isinstance(value, dict) else value
        (self.configuration / "site.json").write_text(json.dumps(site))
        (self.configuration / "install.json").write_text(json.dumps(install or INSTALL, ensure_ascii=False))

    def task(self, name: str, **environment: str) -> tuple[int, dict]:
        environment = {"TAIRYO_TERMINATION_LOG": "/tmp/termination", "TAIRYO_DATABASE_WAIT_SECONDS": "1", **environment}
        result = self.run("/usr/local/bin/tairyo-wordpress", "task", name, **environment)
        try:
            answer = json.loads(result.stdout)
        except ValueError:
            raise AssertionError(f"{name} wrote {result.stdout!r} and {result.stderr!r}")
        if json.loads(self.path("/tmp/termination").read_text()) != answer:
            raise AssertionError("the termination message is not the output")
        for secret in (PASSWORD, DATABASE_PASSWORD):
            if secret in result.stderr or secret in result.stdout:
                raise AssertionError("a password was printed")
        return result.returncode, answer

    def php_code(self, code: str) -> str:
        """Runs code inside the installed WordPress, as a command."""
        result = self.run("php", input=self.BOOT + code)
        if result.returncode:
            raise AssertionError(result.stdout + result.stderr)
        return result.stdout

    def up(self, memory: int = 512 << 20) -> None:
        environment = {"TAIRYO_MEMORY_LIMIT_BYTES": str(memory)}
        self.php = self.start("/usr/local/bin/tairyo-wordpress", "php", **environment)
        self.web = self.start("/usr/local/bin/tairyo-wordpress", "web", **environment)
        wait_until("nginx answers", lambda: self._alive() and get("/livez", port=8081).status == 200)
        wait_until("php-fpm answers", lambda: self._alive() and self.run("/usr/local/bin/tairyo-wordpress", "probe", "php").returncode == 0)

    def _alive(self) -> bool:
        for process in (self.php, self.web):
            if process.process.poll() is not None:
                raise AssertionError(f"ended: {process.text()}")
        return True

    def down(self) -> tuple[int, int]:
        for process in (self.php, self.web):
            process.process.send_signal(signal.SIGTERM)
        return self.php.stop(), self.web.stop()


class Answer:
    def __init__(self, status: int, headers, body: bytes):
        self.status, self.headers, self.raw = status, headers, body
        self.text = body.decode(errors="replace")

    @property
    def cache(self) -> str | None:
        return self.headers.get("X-Cache")


def get(path: str, host: str = "blog.example.com", port: int = 8080, method: str = "GET", body: str | None = None, timeout: float = 60, **headers: str) -> Answer:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        try:
            connection.request(method, path, body=body, headers={"Host": host, **headers})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except ConnectionError:
            return Answer(0, {}, b"")


@atexit.register
def stop_everything() -> None:
    for process in list(_running):
        process.stop()
