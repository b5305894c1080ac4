"""The configuration: what is refused, what is rendered."""
import unittest

import pod


def setUpModule():
    global site
    site = pod.WordPress()


class Refused(unittest.TestCase):
    def refused(self, wanted: str, **changes):
        site.configure(**changes)
        result = site.run("php", "/usr/local/share/tairyo/lib/render.php", "web")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn(wanted, result.stderr)

    def test_each_bad_value_is_named(self):
        for key, value in {
            "url": "https://blog.example.com/", "domains": ["other.example.com"], "locale": "../ja", "timeZone": "Mars/Base",
            "tablePrefix": "wp`", "database": {"host": "a b"}, "php": {"workers": "many"}, "pageCache": {"ttlSeconds": -1},
            "originClosed": 1, "media": {"store": "Disk"},
        }.items():
            with self.subTest(key=key):
                self.refused(f"site.json: {key}", **{key: value})

    def test_choices_are_answered_with_what_is_allowed(self):
        self.refused("database.tls: must be one of Required, Verified, Disabled", database={"tls": "Maybe"})
        self.refused("database.credentials: must be one of Secret, Gateway", database={"credentials": "Nowhere"})
        self.refused("media.store: must be one of Volume, Gateway", media={"store": "Disk"})

    def test_nginx_syntax_in_names(self):
        for name in ("a;return 200", "a{", "$host", "a\nb", "~^.*$", "*.example.com", 'a"b', "blog.example.com\n"):
            with self.subTest(name=name):
                self.refused("domains[1]", domains=["blog.example.com", name])
                self.refused("url", url=f"https://{name}")

    def test_unknown_and_missing_keys(self):
        self.refused("key 'extra' is unknown", extra=1)
        self.refused("database: key 'socket' is unknown", database={"socket": "/x"})
        (site.configuration / "site.json").write_text("{}")
        result = site.run("php", "/usr/local/share/tairyo/lib/render.php", "web")
        self.assertIn("key 'schemaVersion' is missing", result.stderr)

    def test_memory_limit(self):
        site.configure()
        result = site.run("php", "/usr/local/share/tairyo/lib/render.php", "php", TAIRYO_MEMORY_LIMIT_BYTES="1G")
        self.assertIn("TAIRYO_MEMORY_LIMIT_BYTES", result.stderr)


class Rendered(unittest.TestCase):
    def test_workers_follow_the_memory(self):
        for limit, fixed, workers in ((0, 0, 5), (64 << 20, 0, 2), (1 << 30, 0, 25), (64 << 30, 0, 64), (1 << 30, 3, 3)):
            with self.subTest(limit=limit, fixed=fixed):
                site.configure(php={"workers": fixed})
                result = site.run("php", "/usr/local/share/tairyo/lib/render.php", "php", TAIRYO_MEMORY_LIMIT_BYTES=str(limit))
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(f"pm.max_children = {workers}\n", site.path("/run/tairyo/php-fpm.conf").read_text())
                self.assertEqual(site.run("php-fpm8.4", "-t", "--fpm-config", "/run/tairyo/php-fpm.conf").returncode, 0)

    def test_nginx_accepts_it(self):
        for changes in ({}, {"domains": ["blog.example.com"]}, {"pageCache": {"enabled": False}}, {"url": "http://blog.example.com:8080"}):
            with self.subTest(changes=changes):
                site.configure(**changes)
                self.assertEqual(site.run("php", "/usr/local/share/tairyo/lib/render.php", "web").returncode, 0)
                result = site.run("nginx", "-e", "stderr", "-t", "-c", "/run/tairyo/nginx.conf")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertNotIn("[warn]", result.stderr)


class Authorities(unittest.TestCase):
    def authorities(self, host: str, tls: str = "Verified") -> str:
        site.configure(database={"host": host, "tls": tls})
        code = "<?php require '/usr/local/share/tairyo/lib/Site.php'; echo Tairyo\\Site::load()->databaseAuthorities() ?? 'none';"
        result = site.run("php", input=code)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_each_region_has_its_own(self):
        for host, region in {"blog.cluster-abc.ap-northeast-1.rds.amazonaws.com": "ap-northeast-1", "Blog.Cluster-abc.EU-Central-1.rds.amazonaws.com": "eu-central-1"}.items():
            with self.subTest(host=host):
                path = self.authorities(host)
                self.assertEqual(path, f"/usr/local/share/tairyo/authorities/{region}.pem")
                names = site.run("php", "-r", f"preg_match_all('/-----BEGIN.*?END CERTIFICATE-----/s', file_get_contents('{path}'), $found); foreach ($found[0] as $one) echo openssl_x509_parse($one)['subject']['CN'], PHP_EOL;").stdout.splitlines()
                self.assertGreaterEqual(len(names), 3)
                self.assertEqual([name for name in names if not name.startswith(f"Amazon RDS {region} Root CA")], [])

    def test_regions_without_authorities_are_named(self):
        for host, region in {"b.c.us-gov-west-1.rds.amazonaws.com": "us-gov-west-1", "b.c.rds.cn-north-1.amazonaws.com.cn": "cn-north-1"}.items():
            site.configure(database={"host": host, "tls": "Verified"})
            result = site.run("php", input="<?php require '/usr/local/share/tairyo/lib/Site.php'; Tairyo\\Site::load()->databaseAuthorities();")
            self.assertIn(f"database.tls: Verified: this image has no authorities of RDS in {region}", result.stdout + result.stderr)

    def test_other_hosts_are_verified_by_the_systems(self):
        for host in ("mysql.example.com", "ap-northeast-1.rds.amazonaws.com.evil.example"):
            self.assertEqual(self.authorities(host), "/etc/ssl/certs/ca-certificates.crt")
        self.assertEqual(self.authorities("mysql.example.com", "Required"), "none")
