"""The seven situations of a site in the ways that a manifest comes to the cluster, with a real Argo CD on the real cluster."""
import concurrent.futures
import pathlib
import shutil
import tempfile
import time
import unittest

import argocd
import ways

PAGE = argocd.ROOT / "docs/gitops.md"


class WithActions(ways.Application):
    """After the change, every action that leaves a trace in the cluster is taken."""

    def change(self):
        seen = super().change()
        for name, field in (("reconcile-now", "reconcile"), ("retry", "retry"), ("clear-cache", "clearCache"), ("restart", "restart")):
            pods = self.pods()
            changes = self.act(name)
            value = next(iter(changes.values()))
            argocd.eventually(f"{name} to be acknowledged",
                              lambda: self.site()["status"].get("handledRequests", {}).get(field) == value, 60)
            if name in ("clear-cache", "restart"):
                argocd.eventually("the web pods to be new ones", lambda: self.pods() and not pods & self.pods())
            else:
                assert pods == self.pods(), f"{name} replaced the web pods"
        self.until("the site to be healthy again", lambda status, health: health.get("status") == "Healthy")
        pods = self.pods()
        # The annotation may go, with Git or by hand: that is no restart.
        for key in [key for key in self.site()["metadata"]["annotations"] if key.endswith("-requested-at")]:
            argocd.kubectl("annotate", "wordpresssite", "blog", "--namespace", self.namespace, f"{key}-")
        self.refresh("hard")
        assert self.application()["status"]["sync"]["status"] == "Synced"
        assert pods == self.pods(), "the end of an annotation replaced the web pods"
        return seen


class Applications(unittest.TestCase):
    """All ways at the same time, each with a site of its own; then one test for each."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="tairyo-argocd."))
        cls.instances = [argocd.ArgoCD(cls.folder / tracking, f"argocd-by-{tracking}", tracking) for tracking in ("annotation", "label")]
        by_annotation, by_label = cls.instances
        cls.ways = [
            WithActions("legacy-diff", by_annotation),
            ways.Application("server-side-diff", by_annotation, **{"argocd.argoproj.io/compare-options": "ServerSideDiff=true"}),
            ways.Application("label-tracking", by_label),
            ways.Kubectl("client-side-apply"),
            ways.Kubectl("server-side-apply", "--server-side", "--field-manager", "somebody"),
        ]
        cls.addClassCleanup(cls.remove_all)
        cls.remove_all()
        cls.folder.mkdir(exist_ok=True)
        argocd.define()
        argocd.shut_out_others([instance.metrics_port for instance in cls.instances])
        for instance in cls.instances:
            cls.addClassCleanup(instance.stop)
            instance.start()
        cls.began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(len(cls.ways)) as pool:
            cls.lives = {way.name: pool.submit(way.run) for way in cls.ways}
        print(f"five sites lived through {len(ways.SITUATIONS)} situations in {time.monotonic() - cls.began:.0f} s")

    @classmethod
    def remove_all(cls):
        """Leaves the cluster as it was found. The logs of a run that failed stay."""
        namespaces = [instance.namespace for instance in cls.instances] + [way.namespace for way in cls.ways]
        # A site that is left needs the operator, which is there; its namespace takes it along.
        argocd.remove_all(namespaces, [way.class_name for way in cls.ways])
        lives = getattr(cls, "lives", {})
        if any(life.exception() for life in lives.values()):
            print(f"the logs of Argo CD are in {cls.folder}")
        elif lives:
            shutil.rmtree(cls.folder, ignore_errors=True)

    def seen(self, name):
        """What was seen of a way, or why it ended early."""
        if error := self.lives[name].exception():
            raise error
        return next(way.seen for way in self.ways if way.name == name)

    def test_legacy_diff(self):
        self.seen("legacy-diff")

    def test_server_side_diff(self):
        self.assertEqual(self.seen("server-side-diff"), self.seen("legacy-diff"))

    def test_label_tracking(self):
        self.assertEqual(self.seen("label-tracking"), self.seen("legacy-diff"))

    def test_client_side_and_server_side_apply_are_alike(self):
        self.assertEqual(self.seen("client-side-apply"), self.seen("server-side-apply"))

    def test_the_documentation_tells_what_was_seen(self):
        """The table has a row for each situation and a column for each way."""
        rows = [line.strip("| \n").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
        table = {row[0].strip("`"): row[1:] for row in rows if row[0].strip("`") in ways.SITUATIONS}
        names = ["legacy-diff", "server-side-diff", "label-tracking", "client-side-apply", "server-side-apply"]
        for situation in ways.SITUATIONS:
            seen = [self.seen(name)[situation] for name in names]
            self.assertEqual(table[situation][:len(names)], seen, f"row {situation} of {PAGE}")
