"""The ways in which a manifest comes to the cluster, and what each shows of a site in every situation of its life."""
import copy
import json
import subprocess
import tempfile
import threading

import yaml

import argocd
from argocd import eventually, get, kubectl

SITUATIONS = ("create", "rest", "change", "suspend", "fail", "fix", "remove")
# As in the sample, but sooner. With `refresh` a try takes the commit that is the latest by then.
RETRY = {"limit": 5, "backoff": {"duration": "3s", "factor": 1}, "refresh": True}
IMAGE_THAT_IS_NOT_THERE = "localhost/tairyo-wordpress:not-there"
JSONPATH_OF = '.status.conditions[?(@.type=="{0}")]'


def arrow(history):
    """A history without repetitions, as it stands in the documentation."""
    steps = [step for step, before in zip(history, [None, *history]) if step != before]
    return " → ".join(steps)


class Watch:
    """What kubectl prints of an object each time it changes."""

    def __init__(self, kind, name, namespace, *jsonpaths):
        template = "|".join("{%s}" % path for path in jsonpaths) + '{"\\n"}'
        self.lines = []
        self.process = subprocess.Popen(
            [argocd.KUBECTL, "--kubeconfig", argocd.KUBECONFIG, "get", kind, name, "--namespace", namespace, "--watch",
             "--output", f"jsonpath={template}"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        """Keeps the lines."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n").split("|"))

    def since(self, mark, reading, last):
        """What the lines after the first `mark` read as. The watch may lag behind whoever asks, so it waits for the `last`."""
        def steps():
            found = [reading(line) for line in self.lines[mark:]]
            return found if found and found[-1] == last else None
        return eventually(f"the watch to see {last}", steps, 20)

    def stop(self):
        """Ends the watch."""
        self.process.kill()
        self.process.wait()


class Way:
    """One way, with a site of its own in a namespace of its own."""

    def __init__(self, name):
        self.name = name
        self.namespace = f"argocd-{name}"
        self.class_name = self.namespace
        self.seen = {}
        self.spec = {
            "className": self.class_name, "domains": [f"{name}.argocd.example.com"], "title": "My blog",
            "admin": {"email": "me@example.com"}, "database": {"storage": "1Gi"}, "media": {"storage": "1Gi"},
            "deletionPolicy": "Delete"}

    def run(self):
        """The site's life. Each situation leaves in `seen` what was seen of it."""
        for situation in SITUATIONS:
            self.seen[situation] = getattr(self, situation)()

    def site(self):
        """The live object."""
        return get("wordpresssite", "blog", self.namespace)

    def manifest(self):
        """The site as it stands in Git."""
        return {"apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite", "metadata": {"name": "blog"}, "spec": self.spec}

    def site_class(self):
        """Its class."""
        return {"apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressClass", "metadata": {"name": self.class_name},
                "spec": {"database": {"provider": "InCluster"}, "media": {"provider": "Volume"}, "exposure": {"type": "None"}}}

    def pods(self):
        """The names of the web pods, but for those that are on their way out: they finish their requests for a while."""
        selector = "tairyo.dev/site=blog,app.kubernetes.io/component=web"
        names = "go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}"
        return set(kubectl("get", "pods", "--namespace", self.namespace, "--selector", selector, "--output", names).split())


class Kubectl(Way):
    """`kubectl apply`, with the apply of the client or of the server, and `kubectl wait`."""

    def __init__(self, name, *flags):
        super().__init__(name)
        self.flags = flags
        self.watch = None

    def apply(self, document):
        """Applies one object."""
        kubectl("apply", *self.flags, "--namespace", self.namespace, "--filename", "-", document=document)

    def wait(self, condition):
        """`kubectl wait` for a condition of what was applied last. It knows observedGeneration of the condition."""
        kubectl("wait", "wordpresssite/blog", "--namespace", self.namespace, "--for", f"condition={condition}", "--timeout", "240s")

    def history(self, mark):
        """What kstatus made of the object since `mark`."""
        return [step for step in self.watch.since(mark, kstatus, "Current") if step]

    def create(self):
        kubectl("create", "namespace", self.namespace)
        self.apply(self.site_class())
        self.apply(self.manifest())
        self.watch = Watch(
            "wordpresssite", "blog", self.namespace, ".metadata.generation", ".status.observedGeneration",
            *(JSONPATH_OF.format(kind) + ".status" for kind in ("Ready", "Reconciling", "Stalled")))
        self.wait("Ready")
        seen = self.history(0)
        assert "Failed" not in seen, f"{self.name}: failed during the creation: {arrow(seen)}"
        return arrow(seen)

    def rest(self):
        before = self.site()["metadata"]
        for _ in range(3):
            self.apply(self.manifest())
        after = self.site()["metadata"]
        assert before["generation"] == after["generation"], f"{self.name}: applied again, the spec changed"
        return "Current, unchanged"

    def change(self):
        mark = len(self.watch.lines)
        self.spec["web"] = {"php": {"memoryLimit": "96Mi"}}
        self.apply(self.manifest())
        self.until_observed()
        self.wait("Ready")
        return arrow(self.history(mark))

    def until_observed(self):
        """Until the operator has seen what was applied."""
        generation = self.site()["metadata"]["generation"]
        kubectl("wait", "wordpresssite/blog", "--namespace", self.namespace, "--timeout", "60s", "--for",
                f"jsonpath={{.status.observedGeneration}}={generation}")

    def suspend(self):
        self.spec["suspend"] = True
        self.apply(self.manifest())
        self.until_observed()
        ready = condition(self.site(), "Ready")
        assert ready["reason"] == "Suspended", ready
        self.spec["suspend"] = False
        self.apply(self.manifest())
        self.until_observed()
        self.wait("Ready")
        return f"Current, Ready={ready['status']}/Suspended"

    def fail(self):
        self.spec["wordpress"] = {"image": IMAGE_THAT_IS_NOT_THERE}
        self.apply(self.manifest())
        self.until_observed()
        self.wait("Stalled")
        return f"Failed: {condition(self.site(), 'Stalled')['reason']}"

    def fix(self):
        del self.spec["wordpress"]
        self.apply(self.manifest())
        self.until_observed()
        self.wait("Ready")
        return "Current"

    def remove(self):
        self.watch.stop()
        kubectl("delete", "wordpresssite", "blog", "--namespace", self.namespace, "--timeout", "120s")
        kubectl("delete", "wordpressclass", self.class_name)
        return "gone"


class Application(Way):
    """An Application of Argo CD that syncs, prunes and heals by itself."""

    def __init__(self, name, instance, **annotations):
        super().__init__(name)
        self.instance = instance
        self.annotations = annotations
        self.repository = None
        self.watch = None

    def documents(self):
        """What stands in Git: the class in wave 0, the site in wave 1, the smoke test after the sync."""
        samples = argocd.ROOT / "deploy/argocd/sites"
        documents = {name: yaml.safe_load((samples / f"{name}.yaml").read_text()) for name in ("class", "blog", "smoke-test")}
        documents["class"]["metadata"]["name"] = self.class_name
        # The end of the test is the end of the class, too.
        del documents["class"]["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]
        documents["blog"]["spec"] = copy.deepcopy(self.spec)
        code = documents["smoke-test"]["spec"]["template"]["spec"]["containers"][0]["args"]
        code[0] = code[0].replace("blog.example.com", self.spec["domains"][0])
        return documents

    def commit(self, message, *without):
        """Makes a commit of what should be, and tells Argo CD."""
        documents = {name: document for name, document in self.documents().items() if name not in without}
        revision = self.repository.commit(documents, message)
        if self.application():
            self.refresh("normal")
        return revision

    def application(self):
        """The live Application."""
        return get("applications.argoproj.io", self.name, self.instance.namespace)

    def refresh(self, kind):
        """Asks for a comparison, and waits for it."""
        self.annotate(f"argocd.argoproj.io/refresh={kind}")
        def done():
            return "argocd.argoproj.io/refresh" not in self.application()["metadata"].get("annotations", {})
        eventually(f"the {kind} refresh of {self.name}", done, 60)

    def annotate(self, *annotations):
        """Annotates the Application."""
        kubectl("annotate", "applications.argoproj.io", self.name, "--namespace", self.instance.namespace, "--overwrite", *annotations)

    def until(self, what, condition):
        """Waits until `condition` holds of the Application and the health of its site, and returns both."""
        def ask():
            self.instance.check()
            application = self.application()
            status = (application or {}).get("status", {})
            health = next((it.get("health", {}) for it in status.get("resources", []) if it["kind"] == "WordPressSite"), {})
            last.update(sync=status.get("sync"), health=health, operation=status.get("operationState", {}).get("message"))
            return (status, health) if condition(status, health) else None
        last = {}
        try:
            return eventually(what, ask)
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}; last seen {last}") from None

    def until_synced(self, revision):
        """Waits until the commit is synced, its hook has run and the site is healthy."""
        def condition(status, health):
            operation = status.get("operationState", {})
            return (status.get("sync", {}).get("status") == "Synced" and status["sync"].get("revision") == revision
                    and operation.get("phase") == "Succeeded" and operation["syncResult"]["revision"] == revision
                    and health.get("status") == "Healthy" and status["health"]["status"] == "Healthy")
        return self.until(f"the sync of {revision[:8]}", condition)

    def history(self, mark):
        """What Argo CD said of the site since `mark`."""
        return [step for step in self.watch.since(mark, lambda line: line[1], "Healthy") if step]

    def create(self):
        self.repository = argocd.Repository(self.instance.folder / self.name)
        revision = self.commit("Create the site")
        kubectl("apply", "--filename", "-", document={
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": self.name, "namespace": self.instance.namespace, "annotations": self.annotations,
                         "finalizers": ["resources-finalizer.argocd.argoproj.io"]},
            "spec": {"project": "default",
                     "source": {"repoURL": self.repository.url(), "targetRevision": "main", "path": "manifests"},
                     "destination": {"server": "https://kubernetes.default.svc", "namespace": self.namespace},
                     "syncPolicy": {"automated": {"prune": True, "selfHeal": True}, "retry": RETRY,
                                    "syncOptions": ["CreateNamespace=true", "SkipDryRunOnMissingResource=true"]}}})
        self.watch = Watch("applications.argoproj.io", self.name, self.instance.namespace, ".status.sync.status",
                           '.status.resources[?(@.kind=="WordPressSite")].health.status')
        status, health = self.until_synced(revision)
        seen = [step for step in self.history(0) if step != "Missing"]
        assert set(seen) == {"Progressing", "Healthy"}, f"{self.name}: {arrow(seen)}"
        assert health["message"] == condition(self.site(), "Ready")["message"], health
        self.check_order(status)
        return arrow(seen)

    def check_order(self, status):
        """The class came before the site, and the smoke test after the site was ready."""
        results = {it["kind"]: it for it in status["operationState"]["syncResult"]["resources"]}
        assert results["Job"]["hookPhase"] == "Succeeded", results["Job"]
        created = {kind: get(kind, name, namespace)["metadata"]["creationTimestamp"] for kind, name, namespace in (
            ("wordpressclass", self.class_name, None), ("wordpresssite", "blog", self.namespace), ("job", "smoke-test", self.namespace))}
        assert created["wordpressclass"] <= created["wordpresssite"] <= created["job"], created
        ready = condition(self.site(), "Ready")["lastTransitionTime"]
        assert ready <= created["job"], f"the hook ran at {created['job']}, before the site was ready at {ready}"

    def rest(self):
        mark, before = len(self.watch.lines), self.site()["metadata"]
        for kind in ("normal", "normal", "normal", "hard"):
            self.refresh(kind)
            status = self.application()["status"]
            strays = [it for it in status["resources"] if not it.get("hook") and it["status"] != "Synced"]
            assert status["sync"]["status"] == "Synced" and not strays, f"{self.name}: {strays}"
            kinds = {it["kind"] for it in status["resources"] if not it.get("hook")}
            assert kinds <= {"WordPressClass", "WordPressSite"}, f"{self.name}: takes children for its own: {kinds}"
        assert self.site()["metadata"]["resourceVersion"] == before["resourceVersion"], f"{self.name}: the site was written"
        assert {sync for sync, _ in self.watch.lines[mark:]} <= {"Synced"}, self.watch.lines[mark:]
        return "Synced, Healthy"

    def change(self):
        mark, pods = len(self.watch.lines), self.pods()
        self.spec["web"] = {"php": {"memoryLimit": "96Mi"}}
        status, _ = self.until_synced(self.commit("Give PHP less"))
        self.check_order(status)
        assert not pods & self.pods(), "the sync was done with old pods"
        seen = self.history(mark)
        assert seen[-1] == "Healthy" and "Progressing" in seen and "Degraded" not in seen, f"{self.name}: {seen}"
        return "Progressing → Healthy"

    def suspend(self):
        self.act("suspend")
        status, health = self.until("the site to be held", lambda _, health: health.get("status") == "Suspended")
        # Nothing of it is taken back, although the Application heals itself.
        self.refresh("hard")
        assert self.site()["metadata"]["annotations"]["tairyo.dev/suspend"] == "true"
        assert self.application()["status"]["sync"]["status"] == "Synced", status["sync"]
        self.act("resume")
        self.until("the site to go on", lambda _, health: health.get("status") == "Healthy")
        assert "tairyo.dev/suspend" not in self.site()["metadata"].get("annotations", {})
        return f"Synced, {health['status']}"

    def act(self, name):
        """Runs an action as the API server of Argo CD would: the script on the live object, then a patch with what it changed."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(self.site(), file)
            file.flush()
            changes = argocd.action(file.name, name)
        kubectl("patch", "wordpresssite", "blog", "--namespace", self.namespace, "--type", "merge", "--patch",
                json.dumps({"metadata": {"annotations": changes}}))
        return changes

    def fail(self):
        self.spec["wordpress"] = {"image": IMAGE_THAT_IS_NOT_THERE}
        self.commit("Name an image that is not there")
        _, health = self.until("the site to fail", lambda status, health: health.get("status") == "Degraded"
                               and "unsuccessfully" in status["operationState"]["message"])
        assert IMAGE_THAT_IS_NOT_THERE in health["message"], health
        return f"Degraded: {health['message'].split(':')[0]}"

    def fix(self):
        del self.spec["wordpress"]
        self.until_synced(self.commit("Name no image"))
        return "Healthy"

    def remove(self):
        revision = self.commit("Remove the site", "blog", "smoke-test")
        self.until("the sync to wait for a person", lambda status, _: status.get("sync", {}).get("revision") == revision
                   and "confirm" in status.get("operationState", {}).get("message", ""))
        assert "deletionTimestamp" not in self.site()["metadata"], "the site went without a person's word"
        self.annotate(f"argocd.argoproj.io/deletion-approved={now()}")
        eventually(f"the site of {self.name} to be pruned", lambda: self.site() is None)
        self.watch.stop()
        kubectl("delete", "applications.argoproj.io", self.name, "--namespace", self.instance.namespace, "--timeout", "120s")
        return "waits for a person, then gone"


def now():
    """The time as Argo CD writes it."""
    return subprocess.run(["date", "-u", "+%Y-%m-%dT%H:%M:%SZ"], capture_output=True, text=True, check=True).stdout.strip()


def condition(site, kind):
    """A condition of a site."""
    return next(it for it in site["status"]["conditions"] if it["type"] == kind)


def kstatus(line):
    """What Helm and Flux make of an object, from generation, observedGeneration, Ready, Reconciling and Stalled. The same rules
    stand in tests/fast/gitops.rs. Nothing for an object that has no status yet."""
    generation, observed, ready, reconciling, stalled = line
    if not observed:
        return ""
    if observed != generation or reconciling == "True":
        return "InProgress"
    if stalled == "True":
        return "Failed"
    return "Current" if ready == "True" else "InProgress"
