"""A real Argo CD as processes of this machine: redis, the repo-server and the application-controller. Its API server and its
user interface are not started: an Application says all that they would show."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = pathlib.Path(os.environ["TAIRYO_TEST_ARGOCD"])
KUBECTL = ROOT / ".cluster/bin/kubectl"
KUBECONFIG = os.environ.get("KUBECONFIG") or str(ROOT / ".cluster/kubeconfig")
CUSTOMIZATIONS = ROOT / "deploy/argocd/argocd-cm.yaml"
FIREWALL = "tairyo_test_argocd"
# How often Argo CD looks by itself; a test asks for a refresh where it needs one.
RECONCILIATION = "5s"


def kubectl(*arguments, document=None, check=True):
    """Runs kubectl and returns what it printed."""
    text = None if document is None else json.dumps(document)
    done = subprocess.run([KUBECTL, "--kubeconfig", KUBECONFIG, *arguments], input=text, text=True, capture_output=True)
    if check and done.returncode:
        raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def get(kind, name, namespace=None):
    """An object, or None."""
    place = ["--namespace", namespace] if namespace else []
    text = kubectl("get", kind, name, *place, "--ignore-not-found", "--output", "json")
    return json.loads(text) if text.strip() else None


def eventually(what, ask, seconds=240):
    """Asks until the answer is something, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.25)


def free_port():
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def admin(*arguments, customizations=CUSTOMIZATIONS):
    """`argocd admin settings resource-overrides …`, which needs no cluster."""
    command = [BUILT / "cmd", "admin", "settings", "resource-overrides", *arguments, "--argocd-cm-path", customizations]
    environment = {**os.environ, "ARGOCD_BINARY_NAME": "argocd", "KUBECTL_EXTERNAL_DIFF": "diff -U 0"}
    return subprocess.run(command, text=True, capture_output=True, env=environment)


def action(manifest, name, **parameters):
    """What the action changes of the annotations: a value for each that is set, None for each that is removed."""
    flags = [flag for key, value in parameters.items() for flag in ("--param", f"{key}={value}")]
    done = admin("run-action", manifest, name, *flags)
    if "have been changed" not in done.stdout:
        raise ValueError((done.stdout + done.stderr).strip())
    changes = {}
    for sign, key, value in re.findall(r"^([-+])\s+(tairyo\.dev/[a-z-]+): (.*)$", done.stdout, re.MULTILINE):
        if sign == "+" or key not in changes:
            changes[key] = yaml.safe_load(value) if sign == "+" else None
    return changes


class Repository:
    """A Git repository with the manifests of one Application."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")

    def git(self, *arguments):
        """Runs git in the repository."""
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True)

    def commit(self, documents, message):
        """Makes the folder `manifests` hold `documents`, by their names, and returns the commit."""
        target = self.folder / "manifests"
        target.mkdir(exist_ok=True)
        for old in target.glob("*.yaml"):
            old.unlink()
        for name, document in documents.items():
            (target / f"{name}.yaml").write_text(yaml.safe_dump(document))
        # A folder without a file is none to Git.
        (target / "README").write_text("manifests\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return subprocess.run(["git", "rev-parse", "HEAD"], cwd=self.folder, check=True, text=True, capture_output=True).stdout.strip()

    def url(self):
        """Where the repo-server finds it."""
        return f"file://{self.folder}"


class ArgoCD:
    """The processes, and what they need in the cluster. How objects are known, by `annotation` or by `label`, is a setting of
    a whole Argo CD, so there are two of them beside each other."""

    def __init__(self, folder, namespace, tracking):
        self.folder = folder
        self.namespace = namespace
        self.tracking = tracking
        self.processes = {}
        folder.mkdir()
        self.metrics_port = free_port()

    def start(self):
        """Applies Argo CD's own manifests and starts its processes."""
        kubectl("create", "namespace", self.namespace)
        for name in ("cm", "cmd-params-cm", "rbac-cm", "secret"):
            kubectl("apply", "--namespace", self.namespace, "--filename", str(BUILT / f"manifests/argocd-{name}.yaml"))
        kubectl("patch", "secret", "argocd-secret", "--namespace", self.namespace, "--type", "merge", "--patch",
                json.dumps({"stringData": {"server.secretkey": "for tests"}}))
        ours = yaml.safe_load(CUSTOMIZATIONS.read_text())
        ours["metadata"]["namespace"] = self.namespace
        kubectl("apply", "--server-side", "--field-manager", "tairyo-customizations", "--filename", "-", document=ours)
        kubectl("patch", "configmap", "argocd-cm", "--namespace", self.namespace, "--type", "merge", "--patch",
                json.dumps({"data": {"application.resourceTrackingMethod": self.tracking}}))
        everything = [{"group": "*", "kind": "*"}]
        kubectl("apply", "--filename", "-", document={
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "default", "namespace": self.namespace},
            "spec": {"sourceRepos": ["*"], "destinations": [{"namespace": "*", "server": "*"}],
                     "clusterResourceWhitelist": everything}})
        redis, repository, repository_metrics = free_port(), free_port(), free_port()
        self.process("redis", ["redis-server", "--bind", "127.0.0.1", "--port", str(redis), "--save", "", "--appendonly", "no",
                               "--dir", str(self.folder)])
        self.process("argocd-repo-server", [
            BUILT / "cmd", "--address", "127.0.0.1", "--port", str(repository), "--metrics-address", "127.0.0.1",
            "--metrics-port", str(repository_metrics), "--redis", f"127.0.0.1:{redis}", "--disable-tls",
            "--client-ca-path", ""])
        self.process("argocd-application-controller", [
            BUILT / "cmd", "--namespace", self.namespace, "--persist-resource-health", "--metrics-port", str(self.metrics_port), "--redis",
            f"127.0.0.1:{redis}", "--repo-server", f"127.0.0.1:{repository}", "--repo-server-plaintext"])

    def process(self, name, command):
        """Starts a process whose end is that of the test."""
        empty = {}
        for variable in ("TLS_DATA_PATH", "SSH_DATA_PATH", "APP_CONF_PATH", "PLUGINSOCKFILEPATH"):
            path = self.folder / variable.lower()
            path.mkdir(exist_ok=True)
            empty[f"ARGOCD_{variable}"] = str(path)
        environment = {
            "PATH": f"{BUILT / 'bin'}:{os.environ['PATH']}", "HOME": str(self.folder), "TMPDIR": str(self.folder),
            "KUBECONFIG": KUBECONFIG, "ARGOCD_BINARY_NAME": name, "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false", "ARGOCD_RECONCILIATION_TIMEOUT": RECONCILIATION, **empty}
        log = open(self.folder / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()

    def stop(self):
        """Ends the processes. What is in the cluster is removed by `remove_all`."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def check(self):
        """Fails where a process has ended, with the end of its log."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise AssertionError(f"{name} ended:\n{(self.folder / f'{name}.log').read_text()[-2000:]}")


def served(kind):
    """Whether the API server knows a kind of Argo CD."""
    return bool(kubectl("get", "--raw", f"/apis/argoproj.io/v1alpha1/{kind}", check=False))


def define():
    """Argo CD's own kinds."""
    kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(BUILT / "manifests/application-crd.yaml"),
            "--filename", str(BUILT / "manifests/appproject-crd.yaml"))
    # Not `kubectl wait`, which makes an error of a definition that has no conditions yet.
    for kind in ("applications", "appprojects"):
        eventually(f"the kind {kind}", lambda: served(kind), 30)


def shut_out_others(ports):
    """A controller's metrics have no address of their own: others than this machine find the ports closed."""
    subprocess.run(["nft", "--file", "-"], text=True, check=True, input=f"""
        table inet {FIREWALL} {{
          chain input {{
            type filter hook input priority 0; policy accept;
            iifname != "lo" tcp dport {{ {", ".join(map(str, ports))} }} drop
          }}
        }}""")


def remove_all(namespaces, classes):
    """Removes whatever this or an earlier run has left."""
    subprocess.run(["nft", "delete", "table", "inet", FIREWALL], capture_output=True)
    if served("applications"):
        # Without Argo CD nobody would take the finalizers away.
        columns = "custom-columns=:.metadata.namespace,:.metadata.name"
        for line in kubectl("get", "applications.argoproj.io", "--all-namespaces", "--output", columns, "--no-headers").splitlines():
            namespace, name = line.split()
            kubectl("patch", "applications.argoproj.io", name, "--namespace", namespace, "--type", "merge", "--patch",
                    '{"metadata":{"finalizers":null}}')
    kubectl("delete", "namespace", *namespaces, "--ignore-not-found", "--timeout", "120s")
    kubectl("delete", "wordpressclass", *classes, "--ignore-not-found")
    kubectl("delete", "crd", "applications.argoproj.io", "appprojects.argoproj.io", "--ignore-not-found")
