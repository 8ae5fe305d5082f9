/*
 * Certificates: install, request, self-signed, show, remove. The files are in etc/tls, where listeners find them anew
 * by themselves; they are written here, not by a daemon, so that no daemon can change them.
 */
#include "ctl/ctl.h"
#include "ctl/users.h"

#include "common/addr/addr.h"
#include "common/base/io.h"
#include "common/base/memory.h"
#include "common/net/tls.h"
#include "common/settings/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PEM_MAX = 1 << 20, PATH_SIZE = INSTANCE_PATH_MAX + ADDR_DOMAIN_MAX + 64 };

/* One command's arguments, and where its files are. */
struct tls_command {
	struct ctl *ctl;
	const struct ctl_command *usage;
	char name[ADDR_DOMAIN_MAX + 1]; /* of --name; "" = the default certificate */
	char folder[PATH_SIZE];
	char **argv; /* what is left after the options */
};

static const char *file_path(const struct tls_command *command, const char *file, char *out)
{
	snprintf(out, PATH_SIZE, "%s/%s", command->folder, file);
	return out;
}

static int take_name(struct tls_command *command, const char *given)
{
	struct arena arena;
	struct str normal;
	struct err err;
	int status = CTL_DONE;

	arena_init(&arena);
	if (!addr_is_domain(str_of(given)) || addr_normalise_domain(str_of(given), &arena, &normal, &err) != 0)
		status = ctl_refuse("--name: \"%s\" is not a host name", given);
	else
		str_copy(normal, command->name, sizeof command->name);
	arena_free(&arena);
	return status;
}

static int parse(struct tls_command *command, int argc, char **argv, int arguments)
{
	static const struct option options[] = {{"name", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'n')
			return ctl_usage(command->usage);
		if (take_name(command, optarg) != CTL_DONE)
			return CTL_REFUSED;
	}
	if (argc - optind != arguments)
		return ctl_usage(command->usage);
	command->argv = argv + optind;
	snprintf(command->folder, sizeof command->folder, "%s/tls%s%s", command->ctl->instance.etc,
	         command->name[0] != '\0' ? "/" : "", command->name);
	return CTL_DONE;
}

/*
 * As root, what is made from here on belongs to the group that may read the key: a file has its group before it has its
 * name, so no listener ever finds one that it cannot read.
 */
static int enter_group(const struct tls_command *command, gid_t *before, struct err *err)
{
	const struct group *group;

	*before = getegid();
	if (!command->ctl->instance.separate_users || geteuid() != 0)
		return 0;
	group = getgrnam(USERS_TLS_GROUP);
	if (group == NULL)
		return err_set(err, ERR_NOT_FOUND, "there is no group " USERS_TLS_GROUP);
	return setegid(group->gr_gid) == 0 ? 0 : err_system(err, "cannot use the group " USERS_TLS_GROUP);
}

static int write_pair(const struct tls_command *command, struct str chain, struct str key, struct err *err)
{
	char path[PATH_SIZE];
	struct buf old_key;
	int result;

	if (io_make_folder(command->folder, 0750, err) != 0)
		return -1;
	buf_init(&old_key, PEM_MAX);
	file_path(command, "key.pem", path);
	if (access(path, F_OK) == 0 && io_read_file(path, &old_key, err) != 0)
		return -1;
	result = io_replace_file(path, key, 0640, err);
	if (result == 0) {
		/* A listener may look between the two; the second file's time must then be another, so that it looks again. */
		nanosleep(&(struct timespec){0, 20000000}, NULL);
		result = io_replace_file(file_path(command, "cert.pem", path), chain, 0644, err);
		if (result != 0 && old_key.len != 0)
			io_replace_file(file_path(command, "key.pem", path), buf_str(&old_key), 0640, NULL);
	}
	if (old_key.data != NULL)
		memory_wipe(old_key.data, old_key.len);
	buf_free(&old_key);
	return result;
}

static int install(const struct tls_command *command, struct str chain, struct str key)
{
	struct err err;
	gid_t before;
	int result;

	if (tls_check_pair(chain, key, &err) != 0 || enter_group(command, &before, &err) != 0)
		return ctl_refuse_err(&err);
	result = write_pair(command, chain, key, &err);
	if (setegid(before) != 0 && result == 0)
		result = err_system(&err, "cannot return to the own group");
	if (result != 0)
		return ctl_refuse_err(&err);
	printf("installed; new connections use it\n");
	return CTL_DONE;
}

/* The name that clients know this server by. */
static int server_name(const struct ctl *ctl, char *out, size_t size, struct err *err)
{
	struct settings settings;

	if (settings_open(&settings, &ctl->instance, false, err) != 0)
		return -1;
	str_copy(str_of(settings_host_name(&settings)), out, size);
	settings_close(&settings);
	return 0;
}

static X509 *read_certificate(struct str pem)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return certificate;
}

/* A certificate for another name works, but clients complain: say so. */
static void warn_of_name(const struct tls_command *command, struct str chain)
{
	char name[ADDR_DOMAIN_MAX + 1];
	X509 *certificate = read_certificate(chain);
	struct err err;

	str_copy(str_of(command->name), name, sizeof name);
	if (certificate != NULL && (name[0] != '\0' || server_name(command->ctl, name, sizeof name, &err) == 0) &&
	    X509_check_host(certificate, name, 0, 0, NULL) != 1)
		fprintf(stderr, "postroom: warning: the certificate is not for %s; clients that connect to it will complain\n",
		        name);
	X509_free(certificate);
}

/* By the setting tls.validate: clients would believe it. */
static int check_trust(const struct ctl *ctl, struct str chain)
{
	struct settings settings;
	struct err err;
	bool wanted;

	if (settings_open(&settings, &ctl->instance, false, &err) != 0)
		return ctl_refuse_err(&err);
	wanted = settings_flag(&settings, SETTING_TLS_VALIDATE);
	settings_close(&settings);
	if (!wanted || tls_check_trust(chain, &err) == 0)
		return CTL_DONE;
	return ctl_refuse("%s (\"postroom set tls.validate off\" lets it be installed all the same)", err.text);
}

static int check_install(struct tls_command *command, struct str chain, struct str key)
{
	struct err err;

	/* what is wrong with the files themselves is told first */
	return tls_check_pair(chain, key, &err) != 0 ? ctl_refuse_err(&err) : check_trust(command->ctl, chain);
}

static int tls_install(struct tls_command *command, int argc, char **argv)
{
	struct buf chain, key;
	struct err err;
	int status = parse(command, argc, argv, 2);

	if (status != CTL_DONE)
		return status;
	buf_init(&chain, PEM_MAX);
	buf_init(&key, PEM_MAX);
	if (io_read_file(command->argv[0], &chain, &err) != 0 || io_read_file(command->argv[1], &key, &err) != 0)
		status = ctl_refuse_err(&err);
	else
		status = check_install(command, buf_str(&chain), buf_str(&key));
	if (status == CTL_DONE)
		status = install(command, buf_str(&chain), buf_str(&key));
	if (status == CTL_DONE)
		warn_of_name(command, buf_str(&chain));
	if (key.data != NULL)
		memory_wipe(key.data, key.len);
	buf_free(&chain);
	buf_free(&key);
	return status;
}

/* The key stays with who asks for it, in a new file of his; the request goes to the certificate authority. */
static int write_request(const char *key_file, struct str request, struct str key)
{
	struct err err;
	int fd = open(key_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), result;

	if (fd < 0)
		return ctl_refuse("cannot make %s: %s", key_file, strerror(errno));
	result = io_write_all(fd, key.data, key.len, &err);
	if (result == 0 && fsync(fd) != 0)
		result = err_system(&err, "cannot write %s", key_file);
	close(fd);
	if (result != 0) {
		unlink(key_file);
		return ctl_refuse_err(&err);
	}
	fwrite(request.data, 1, request.len, stdout);
	return CTL_DONE;
}

static int tls_csr(struct tls_command *command, int argc, char **argv)
{
	char name[ADDR_DOMAIN_MAX + 1];
	struct buf request, key;
	struct err err;
	int status = parse(command, argc, argv, 1);

	if (status != CTL_DONE)
		return status;
	str_copy(str_of(command->name), name, sizeof name);
	if (name[0] == '\0' && server_name(command->ctl, name, sizeof name, &err) != 0)
		return ctl_refuse_err(&err);
	buf_init(&request, PEM_MAX);
	buf_init(&key, PEM_MAX);
	if (tls_make_request(name, &request, &key, &err) != 0)
		status = ctl_refuse_err(&err);
	else
		status = write_request(command->argv[0], buf_str(&request), buf_str(&key));
	if (key.data != NULL)
		memory_wipe(key.data, key.len);
	buf_free(&request);
	buf_free(&key);
	return status;
}

static int tls_self_signed(struct tls_command *command, int argc, char **argv)
{
	char name[ADDR_DOMAIN_MAX + 1];
	struct buf chain, key;
	struct err err;
	int status = parse(command, argc, argv, 0);

	if (status != CTL_DONE)
		return status;
	str_copy(str_of(command->name), name, sizeof name);
	if (name[0] == '\0' && server_name(command->ctl, name, sizeof name, &err) != 0)
		return ctl_refuse_err(&err);
	buf_init(&chain, PEM_MAX);
	buf_init(&key, PEM_MAX);
	if (tls_make_self_signed(name, &chain, &key, &err) != 0)
		status = ctl_refuse_err(&err);
	else
		status = install(command, buf_str(&chain), buf_str(&key));
	if (key.data != NULL)
		memory_wipe(key.data, key.len);
	buf_free(&chain);
	buf_free(&key);
	return status;
}

static void print_certificate(X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	BIO *out = BIO_new_fp(stdout, BIO_NOCLOSE);

	BIO_puts(out, "Subject: ");
	X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
	BIO_puts(out, "\nIssuer:  ");
	X509_NAME_print_ex(out, X509_get_issuer_name(certificate), 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
	BIO_puts(out, "\nNames:  ");
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			BIO_printf(out, " %.*s", ASN1_STRING_length(name->d.dNSName),
			           (const char *)ASN1_STRING_get0_data(name->d.dNSName));
	}
	BIO_puts(out, "\nValid:   ");
	ASN1_TIME_print(out, X509_get0_notBefore(certificate));
	BIO_puts(out, " to ");
	ASN1_TIME_print(out, X509_get0_notAfter(certificate));
	BIO_puts(out, X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 ? " (expired)\n" : "\n");
	BIO_free(out);
	GENERAL_NAMES_free(names);
}

static int tls_show(struct tls_command *command, int argc, char **argv)
{
	char path[PATH_SIZE];
	struct buf chain;
	struct err err;
	X509 *certificate;
	int status = parse(command, argc, argv, 0);

	if (status != CTL_DONE)
		return status;
	if (access(file_path(command, "cert.pem", path), F_OK) != 0 && errno == ENOENT)
		return ctl_refuse("no certificate is installed%s%s", command->name[0] != '\0' ? " for " : "", command->name);
	buf_init(&chain, PEM_MAX);
	if (io_read_file(path, &chain, &err) != 0) {
		status = ctl_refuse_err(&err);
	} else {
		certificate = read_certificate(buf_str(&chain));
		if (certificate != NULL)
			print_certificate(certificate);
		else
			status = ctl_refuse("%s does not hold a certificate", path);
		X509_free(certificate);
	}
	buf_free(&chain);
	return status;
}

/* Clients could not log in any more where a service requires what it cannot offer. */
static int check_not_required(const struct ctl *ctl)
{
	struct settings settings;
	struct err err;
	int status = CTL_DONE;

	if (settings_open(&settings, &ctl->instance, false, &err) != 0)
		return ctl_refuse_err(&err);
	for (size_t i = 0; status == CTL_DONE && i < settings.services.count; i++)
		if (settings.services.list[i].encryption == SERVICE_REQUIRED)
			status = ctl_refuse("the service %s requires the certificate; set its encryption to optional first",
			                    settings.services.list[i].name);
	settings_close(&settings);
	return status;
}

static int tls_remove(struct tls_command *command, int argc, char **argv)
{
	char cert[PATH_SIZE], key[PATH_SIZE];
	int status = parse(command, argc, argv, 0);

	if (status == CTL_DONE && command->name[0] == '\0')
		status = check_not_required(command->ctl);
	if (status != CTL_DONE)
		return status;
	if (unlink(file_path(command, "cert.pem", cert)) != 0)
		return errno == ENOENT ? ctl_refuse("no such certificate is installed")
		                       : ctl_refuse("cannot remove %s: %s", cert, strerror(errno));
	if (unlink(file_path(command, "key.pem", key)) != 0 && errno != ENOENT)
		return ctl_refuse("cannot remove %s: %s", key, strerror(errno));
	if (command->name[0] != '\0')
		rmdir(command->folder);
	/* A listener keeps the pair it has where files vanish, as that may be a mistake. */
	printf("removed; running services offer it until \"postroom reload\"\n");
	return CTL_DONE;
}

int ctl_tls(struct ctl *ctl, int argc, char **argv)
{
	static const struct {
		struct ctl_command usage;
		int (*run)(struct tls_command *command, int argc, char **argv);
	} verbs[] = {
	    {{"tls install", "CERTIFICATE-FILE KEY-FILE [--name HOST]", NULL, NULL, false}, tls_install},
	    {{"tls csr", "KEY-FILE [--name HOST]", NULL, NULL, false}, tls_csr},
	    {{"tls self-signed", "[--name HOST]", NULL, NULL, false}, tls_self_signed},
	    {{"tls show", "[--name HOST]", NULL, NULL, false}, tls_show},
	    {{"tls remove", "[--name HOST]", NULL, NULL, false}, tls_remove},
	};
	enum { COUNT = sizeof verbs / sizeof verbs[0] };

	for (int i = 0; argc > 1 && i < COUNT; i++) {
		struct tls_command command = {.ctl = ctl, .usage = &verbs[i].usage, .argv = argv};

		if (strcmp(verbs[i].usage.name + strlen("tls "), argv[1]) == 0)
			return verbs[i].run(&command, argc - 1, argv + 1);
	}
	for (int i = 0; i < COUNT; i++)
		ctl_usage(&verbs[i].usage);
	return CTL_USAGE;
}
