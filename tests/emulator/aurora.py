"""Aurora's data plane, which the emulator does not have: for each of its clusters a MariaDB pod on the test cluster.

The emulator answers for Aurora's control plane alone. Pods look up the cluster's endpoint, and the test cluster's DNS
leads every name of RDS to the Service that has the first label of the name: see tests/cluster/lib/addons.sh.
"""

import base64
import json
import subprocess

NAMESPACE = "aws-emulator"
IMAGE = "localhost/tairyo-mariadb:dev"


def kubectl(*arguments: str, given: str | None = None) -> str:
    return subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=True).stdout


def namespace() -> dict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def objects(cluster: str, database: str, login: dict) -> list[dict]:
    """What one cluster is made of."""
    metadata = {"name": cluster, "namespace": NAMESPACE, "labels": {"emulator": "aurora"}}
    encoded = {key: base64.b64encode(login[key].encode()).decode() for key in ("username", "password")}
    security = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    container = {
        "name": "server",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": ["server"],
        "env": [{"name": "TAIRYO_DATABASE_NAME", "value": database}],
        "readinessProbe": {
            "exec": {"command": ["/usr/local/bin/tairyo-mariadb", "probe", "ready"]},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
        },
        "securityContext": security,
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/mysql"},
            {"name": "run", "mountPath": "/run/mysqld"},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "login", "mountPath": "/etc/tairyo/secrets/database", "readOnly": True},
        ],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "labels": {**metadata["labels"], "cluster": cluster}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 5,
            "securityContext": {"runAsUser": 999, "runAsGroup": 999, "fsGroup": 999, "runAsNonRoot": True},
            "containers": [container],
            "volumes": [
                {"name": "data", "emptyDir": {}},
                {"name": "run", "emptyDir": {"medium": "Memory"}},
                {"name": "tmp", "emptyDir": {}},
                {"name": "login", "secret": {"secretName": cluster, "defaultMode": 0o440}},
            ],
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"clusterIP": "None", "selector": {"cluster": cluster}, "ports": [{"port": 3306, "name": "mysql"}]},
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
    return [secret, service, pod]


class DataPlane:
    """Follows the clusters of the emulator."""

    def __init__(self, rds, secrets):
        self.rds = rds
        self.secrets = secrets
        self.made: set[str] = set()

    def logins(self) -> dict[str, dict]:
        """The logins by the host that they are for: a secret that is attached to a cluster names it."""
        found = {}
        for secret in self.secrets.list_secrets()["SecretList"]:
            try:
                login = json.loads(self.secrets.get_secret_value(SecretId=secret["ARN"]).get("SecretString") or "{}")
            except ValueError:
                continue
            if isinstance(login, dict) and {"username", "password", "host"} <= login.keys():
                found[login["host"]] = login
        return found

    def follow(self):
        """Makes the pod of each new cluster, and removes that of each that is gone."""
        clusters = {it["DBClusterIdentifier"]: it for it in self.rds.describe_db_clusters()["DBClusters"]}
        new = clusters.keys() - self.made
        logins = self.logins() if new else {}
        for name in new:
            cluster = clusters[name]
            login = logins.get(cluster["Endpoint"])
            if login is None:
                continue
            label = cluster["Endpoint"].split(".")[0]
            wanted = [namespace(), *objects(label, cluster.get("DatabaseName") or "wordpress", login)]
            kubectl("apply", "--server-side", "--filename", "-", given="\n---\n".join(json.dumps(it) for it in wanted))
            self.made.add(name)
            print(f"aurora: {name} is served by the pod {NAMESPACE}/{label}", flush=True)
        for name in self.made - clusters.keys():
            label = name
            kubectl("--namespace", NAMESPACE, "delete", "pod,service,secret", label, "--ignore-not-found", "--wait=false")
            self.made.discard(name)
