"""Runs the tests and prints one line of counts."""
import subprocess
import sys
import unittest

import pod


def main() -> int:
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in sys.argv[1:]] or None
    suite = unittest.TestSuite(loader.loadTestsFromName(name) for name in ("test_render", "test_database", "test_tasks", "test_web", "test_gateway"))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, buffer=False).run(suite)
    pod.stop_everything()
    # Parts of one test that failed are one failed test.
    failed = len({getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors})
    for line in pod.measurements:
        print(line)
    print(f"{max(0, result.testsRun - failed - len(result.skipped))} passed, {failed} failed")
    return 1 if failed or not result.testsRun else 0


sys.exit(main())
