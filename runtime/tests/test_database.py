"""The MariaDB image."""
import unittest

import pod


def setUpModule():
    global database
    database = pod.Database()
    database.up()


def tearDownModule():
    database.down()


class Server(unittest.TestCase):
    def test_site_user_has_its_database_alone(self):
        result = database.as_site("SHOW GRANTS; SHOW DATABASES;")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("ON `wordpress`.*", result.stdout)
        self.assertIn("GRANT USAGE ON *.*", result.stdout)
        self.assertNotEqual(database.as_site("CREATE DATABASE other").returncode, 0)

    def test_root_only_by_socket(self):
        self.assertNotEqual(database.run("mariadb", "--host=127.0.0.1", "--user=root", "-e", "SELECT 1").returncode, 0)

    def test_tls_is_offered(self):
        result = database.as_site("SHOW STATUS LIKE 'Ssl_cipher'", pod.DATABASE_PASSWORD, "--ssl", "--disable-ssl-verify-server-cert")
        self.assertRegex(result.stdout, r"Ssl_cipher\tTLS_")

    def test_settings(self):
        self.assertEqual(database.sql("SELECT @@innodb_buffer_pool_size, @@skip_name_resolve, @@character_set_server"), "134217728\t1\tutf8mb4")
        self.assertNotIn("lost+found", database.sql("SHOW DATABASES"))

    def test_probe_live(self):
        self.assertEqual(database.run("/usr/local/bin/tairyo-mariadb", "probe", "live").returncode, 0)

    def test_restart_keeps_data_follows_the_secret_and_upgrades(self):
        self.assertEqual(database.as_site("CREATE TABLE wordpress.kept AS SELECT 1 AS one").returncode, 0)
        self.assertEqual(database.down(), 0)
        self.assertIn("Shutdown complete", database.server.text())
        self.assertNotEqual(database.run("/usr/local/bin/tairyo-mariadb", "probe", "live").returncode, 0)
        # As if an older server had left the folder.
        database.path("/var/lib/mysql/tairyo_version").write_text("10.11.6-MariaDB")
        database.secret("database/password", "other")
        try:
            database.up()
            self.assertIn("upgrading the data folder from 10.11.6-MariaDB", database.server.text())
            self.assertEqual(database.as_site("SELECT one FROM wordpress.kept", "other").stdout.strip(), "1")
            self.assertNotEqual(database.as_site("SELECT 1").returncode, 0)
        finally:
            database.secret("database/password", pod.DATABASE_PASSWORD)
            database.down()
            database.up()

    def test_refused_settings(self):
        for setting, environment in (("TAIRYO_DATABASE_NAME", {"TAIRYO_DATABASE_NAME": "a`b"}), ("TAIRYO_MEMORY_LIMIT_BYTES", {"TAIRYO_MEMORY_LIMIT_BYTES": "1G"})):
            result = database.run("/usr/local/bin/tairyo-mariadb", "server", **environment)
            self.assertEqual(result.returncode, 1)
            self.assertIn(setting, result.stderr)
