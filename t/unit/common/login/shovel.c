/* shovel: a TLS client, the shovel in a process of its own, and a daemon, played here, behind it. */
#include "common/login/shovel.h"

#include "common/base/io.h"
#include "common/net/tls.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BULK = 3 * 1024 * 1024 };

static struct tls_server server;
static char folder[] = "/tmp/postroom-shovel-XXXXXX";

struct scene {
	SSL_CTX *context;
	SSL *client;
	int line;   /* the client's end */
	int daemon; /* the daemon's end */
	pid_t login;
};

static void write_file(const char *name, struct str content)
{
	char path[100];
	struct err err;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_int_equal(io_replace_file(path, content, 0600, &err), 0);
}

static int make_certificate(void **state)
{
	struct buf chain, key;
	struct err err;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	buf_init(&chain, 100000);
	buf_init(&key, 100000);
	if (mkdtemp(folder) == NULL || tls_make_self_signed("mail.example", &chain, &key, &err) != 0)
		return -1;
	write_file("cert.pem", buf_str(&chain));
	write_file("key.pem", buf_str(&key));
	buf_free(&chain);
	buf_free(&key);
	return tls_server_open(&server, folder, &err);
}

static int remove_certificate(void **state)
{
	char path[100];

	(void)state;
	tls_server_close(&server);
	snprintf(path, sizeof path, "%s/cert.pem", folder);
	unlink(path);
	snprintf(path, sizeof path, "%s/key.pem", folder);
	unlink(path);
	return rmdir(folder);
}

static void scene_begin(struct scene *scene)
{
	int line[2], pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	scene->login = fork();
	if (scene->login == 0) {
		struct conn conn;
		struct err err;

		close(line[0]);
		close(pair[1]);
		conn_init(&conn, line[1], 5000);
		if (conn_accept_tls(&conn, server.context, &err) != 0)
			_exit(1);
		shovel_run(&conn, pair[0]);
		conn_close(&conn);
		_exit(0);
	}
	close(line[1]);
	close(pair[0]);
	scene->line = line[0];
	scene->daemon = pair[1];
	scene->context = SSL_CTX_new(TLS_client_method());
	scene->client = SSL_new(scene->context);
	SSL_set_fd(scene->client, scene->line);
	assert_int_equal(SSL_connect(scene->client), 1);
}

static void scene_end(struct scene *scene)
{
	int status;

	SSL_free(scene->client);
	SSL_CTX_free(scene->context);
	if (scene->line >= 0)
		close(scene->line);
	if (scene->daemon >= 0)
		close(scene->daemon);
	assert_int_equal(waitpid(scene->login, &status, 0), scene->login);
	assert_int_equal(status, 0);
}

static void say(struct scene *scene, const char *text)
{
	assert_int_equal(SSL_write(scene->client, text, (int)strlen(text)), (int)strlen(text));
}

static void daemon_reads(struct scene *scene, const char *text)
{
	char got[100] = "";
	size_t len = 0;
	ssize_t count = 1;

	while (len < strlen(text) && (count = read(scene->daemon, got + len, sizeof got - 1 - len)) > 0)
		len += (size_t)count;
	assert_string_equal(got, text);
}

static void client_reads(struct scene *scene, const char *text)
{
	char got[100] = "";
	size_t len = 0;
	int count = 1;

	while (len < strlen(text) && (count = SSL_read(scene->client, got + len, (int)(sizeof got - 1 - len))) > 0)
		len += (size_t)count;
	assert_string_equal(got, text);
}

static void test_commands_and_answers(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	for (int i = 0; i < 100; i++) {
		say(&scene, "STAT\r\n");
		daemon_reads(&scene, "STAT\r\n");
		assert_int_equal(write(scene.daemon, "+OK 0 0\r\n", 9), 9);
		client_reads(&scene, "+OK 0 0\r\n");
	}
	scene_end(&scene);
}

static void test_daemon_ends(void **state)
{
	struct scene scene;
	char rest[10];
	int count;

	(void)state;
	scene_begin(&scene);
	assert_int_equal(write(scene.daemon, "+OK signing off\r\n", 17), 17);
	close(scene.daemon);
	scene.daemon = -1;
	client_reads(&scene, "+OK signing off\r\n");
	count = SSL_read(scene.client, rest, sizeof rest);
	assert_int_equal(SSL_get_error(scene.client, count), SSL_ERROR_ZERO_RETURN); /* a polite end of TLS */
	scene_end(&scene);
}

/* A client that sends QUIT and leaves at once is still served. */
static void test_client_ends_after_a_command(void **state)
{
	struct scene scene;
	char rest[10];

	(void)state;
	scene_begin(&scene);
	say(&scene, "DELE 1\r\n");
	say(&scene, "QUIT\r\n");
	close(scene.line);
	scene.line = -1;
	daemon_reads(&scene, "DELE 1\r\nQUIT\r\n");
	assert_int_equal(read(scene.daemon, rest, sizeof rest), 0);
	close(scene.daemon);
	scene.daemon = -1;
	scene_end(&scene);
}

static unsigned char pattern(size_t at)
{
	return (unsigned char)(at * 31 + at / 4096);
}

/* In a process of its own: write BULK octets to fd, and end. */
static pid_t start_writer(int fd, int other)
{
	pid_t pid = fork();

	if (pid == 0) {
		unsigned char *data = malloc(BULK);

		close(other);
		for (size_t i = 0; i < BULK; i++)
			data[i] = pattern(i);
		_exit(io_write_all(fd, data, BULK, NULL) == 0 ? 0 : 1);
	}
	return pid;
}

static void test_bulk_to_the_client(void **state)
{
	struct scene scene;
	size_t at = 0;
	pid_t writer;
	int count;

	(void)state;
	scene_begin(&scene);
	writer = start_writer(scene.daemon, scene.line);
	close(scene.daemon);
	scene.daemon = -1;
	for (;;) {
		unsigned char part[5000];

		count = SSL_read(scene.client, part, sizeof part);
		if (count <= 0)
			break;
		for (int i = 0; i < count; i++, at++)
			if (part[i] != pattern(at))
				fail_msg("octet %zu is wrong", at);
	}
	assert_int_equal(at, BULK);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	scene_end(&scene);
}

static void test_bulk_to_the_daemon(void **state)
{
	struct scene scene;
	unsigned char part[5000];
	size_t at = 0;
	ssize_t count;
	pid_t client;

	(void)state;
	scene_begin(&scene);
	client = fork();
	if (client == 0) {
		unsigned char *data = malloc(BULK);

		close(scene.daemon);
		for (size_t i = 0; i < BULK; i++)
			data[i] = pattern(i);
		count = SSL_write(scene.client, data, BULK);
		SSL_shutdown(scene.client);
		_exit(count == BULK ? 0 : 1);
	}
	while ((count = read(scene.daemon, part, sizeof part)) > 0)
		for (ssize_t i = 0; i < count; i++, at++)
			if (part[i] != pattern(at))
				fail_msg("octet %zu is wrong", at);
	assert_int_equal(at, BULK);
	assert_int_equal(waitpid(client, NULL, 0), client);
	close(scene.daemon);
	scene.daemon = -1;
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commands_and_answers),        cmocka_unit_test(test_daemon_ends),
	    cmocka_unit_test(test_client_ends_after_a_command), cmocka_unit_test(test_bulk_to_the_client),
	    cmocka_unit_test(test_bulk_to_the_daemon),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
