#include "smtpd/relay.h"

#include "common/base/log.h"
#include "smtpd/smtpd.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

static enum relay_check read_check(const struct settings *settings)
{
	static const char *const words[] = {"none", "interface", "sender"};
	struct str word = str_of(settings_text(settings, SETTING_SMTP_RELAY_CHECK));

	for (int check = RELAY_BY_NONE; check < RELAY_BY_ADDRESS; check++)
		if (str_equal(word, str_of(words[check])))
			return (enum relay_check)check;
	return RELAY_BY_ADDRESS;
}

/* The interface that an accepted connection came by, by its number; 0 where the kernel does not say. */
static unsigned interface_of(int fd)
{
	const int on = 1;
	char control[256] __attribute__((aligned(sizeof(struct cmsghdr))));
	struct msghdr message = {.msg_control = control};
	socklen_t size = sizeof control;
	bool is_ipv6 = setsockopt(fd, IPPROTO_IPV6, IPV6_2292PKTINFO, &on, sizeof on) == 0;

	if (!is_ipv6 && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0)
		return 0;
	if (getsockopt(fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, is_ipv6 ? IPV6_2292PKTOPTIONS : IP_PKTOPTIONS, control,
	               &size) != 0)
		return 0;
	message.msg_controllen = size;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
		if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO)
			return (unsigned)((const struct in_pktinfo *)CMSG_DATA(part))->ipi_ifindex;
		if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_2292PKTINFO)
			return ((const struct in6_pktinfo *)CMSG_DATA(part))->ipi6_ifindex;
	}
	return 0;
}

static bool is_from_lan(const struct settings *settings, int fd)
{
	struct str rest = str_of(settings_text(settings, SETTING_SMTP_LAN_INTERFACES)), item;
	char name[IF_NAMESIZE];
	unsigned interface = interface_of(fd);

	if (interface == 0 || if_indextoname(interface, name) == NULL)
		return false;
	while ((item = str_cut_item(&rest)).len != 0)
		if (str_equal(item, str_of(name)))
			return true;
	return false;
}

/* Does sending need a login, or what stands for one? */
static bool login_is_required(const struct settings *settings)
{
	return settings_flag(settings, SETTING_SMTP_REQUIRE_AUTH) || settings_flag(settings, SETTING_SMTP_POP_FIRST);
}

/* Steps 2 and 3 of the decision, as far as they do not depend on what the client will say. */
static bool may_relay_unnamed(const struct session *session)
{
	const struct relay *relay = &session->relay;
	const struct settings *settings = &session->smtpd->settings;

	if (session->is_local)
		return true;
	return relay->decision.matched && relay->decision.allow &&
	       (relay->check != RELAY_BY_INTERFACE || relay->from_lan) &&
	       (relay->decision.unauth || !login_is_required(settings));
}

void relay_prepare(struct session *session, int fd)
{
	struct smtpd *smtpd = session->smtpd;
	struct relay *relay = &session->relay;

	relay->check = read_check(&smtpd->settings);
	access_decide_peer(&smtpd->access, session->service_id, fd, &relay->decision);
	if (relay->check == RELAY_BY_INTERFACE && !session->is_local)
		relay->from_lan = is_from_lan(&smtpd->settings, fd);
	if (settings_flag(&smtpd->settings, SETTING_SMTP_VRFY) && !session->is_local) {
		struct access_decision verify;

		access_decide_peer(&smtpd->access, ACCESS_LIST_VRFY(session->service_id), fd, &verify);
		relay->may_verify = verify.matched && verify.allow;
	}
	if (smtpd->key.present && may_relay_unnamed(session))
		token_make(&smtpd->key, "smtpd", str_of(session->service), str_of(session->peer), STR(""),
		           session->address_token);
}

void relay_prepare_handed(struct session *session, const struct cidr *address)
{
	access_decide(&session->smtpd->access, session->service_id, address, &session->relay.decision);
}

bool relay_may_connect(const struct session *session)
{
	return session->relay.check == RELAY_BY_ADDRESS || session->relay.decision.allow;
}

bool relay_may_log_in(const struct session *session, int64_t uid)
{
	return session->relay.check == RELAY_BY_ADDRESS || access_allows_user(&session->relay.decision, uid);
}

enum recipient_kind relay_ask(struct session *session, struct str address, bool expand, struct ipc_message *answer)
{
	static const char *const words[] = {"local", "remote", "unknown"};
	enum recipient_kind kind = RECIPIENT_LOCAL;
	struct ipc_message request;
	struct err err;
	int result;

	ipc_message_init(&request);
	ipc_request(&request, "resolve");
	ipc_add(&request, "address", address);
	ipc_add(&request, "from", session->transaction.mail.from.text);
	ipc_add_number(&request, "local", session->is_local || session_may_relay(session));
	ipc_add_number(&request, "brief", !expand);
	result = ipc_call(&session->resolver, &request, answer, IPC_TIMEOUT_MS, &err);
	ipc_message_free(&request);
	if (result != 0) {
		log_warning("cannot resolve a recipient: %s", err.text);
		return RECIPIENT_UNDECIDED;
	}
	while (kind < RECIPIENT_UNDECIDED && !str_equal(ipc_get(answer, "kind"), str_of(words[kind])))
		kind++;
	return kind;
}

enum recipient_kind relay_resolve(struct session *session, struct str address)
{
	enum recipient_kind kind;
	struct ipc_message answer;

	ipc_message_init(&answer);
	kind = relay_ask(session, address, false, &answer);
	ipc_message_free(&answer);
	return kind;
}

/* Did somebody log in by POP3 from this address lately? authd's token for the session is its right to relay then. */
static bool has_read_mail(struct session *session)
{
	struct ipc_message request, answer;
	bool has;

	if (!settings_flag(&session->smtpd->settings, SETTING_SMTP_POP_FIRST) || session->authd.fd < 0)
		return false;
	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "recent-login");
	ipc_add_text(&request, "service", session->service);
	ipc_add_text(&request, "peer", session->peer);
	ipc_add_number(&request, "tls", session->conn.tls_active);
	has = ipc_call(&session->authd, &request, &answer, IPC_TIMEOUT_MS, NULL) == 0 &&
	      ipc_get_text(&answer, "token", session->address_token, sizeof session->address_token);
	ipc_message_free(&request);
	ipc_message_free(&answer);
	return has;
}

static bool refuse_for_want_of_login(struct session *session)
{
	reply(session, 530, "5.7.0", "Authentication required");
	return false;
}

bool relay_permits_local(struct session *session)
{
	const struct settings *settings = &session->smtpd->settings;

	if (session->is_local || session->user[0] != '\0' || session->relay.decision.unauth ||
	    settings_flag(settings, SETTING_SMTP_INCOMING_OPEN) || !login_is_required(settings) || has_read_mail(session))
		return true;
	return refuse_for_want_of_login(session);
}

/* Has the client the right address, way in or sender? The sender is asked for where all else is well. */
static const char *find_fault(struct session *session)
{
	const struct relay *relay = &session->relay;
	struct str from = session->transaction.mail.from.text;

	if (!relay->decision.matched || !relay->decision.allow ||
	    (relay->check == RELAY_BY_INTERFACE && !relay->from_lan) ||
	    (session->user[0] != '\0' && !access_allows_user(&relay->decision, session->uid)))
		return "Relaying not allowed! Bad sender IP address";
	if (relay->check == RELAY_BY_SENDER && (from.len == 0 || relay_resolve(session, from) != RECIPIENT_LOCAL))
		return "Relaying not allowed! Bad sender address";
	return NULL;
}

bool relay_permits_remote(struct session *session)
{
	const char *fault = session->is_local ? NULL : find_fault(session);

	if (fault == NULL && !session->is_local && session->user[0] == '\0' && !session->relay.decision.unauth &&
	    login_is_required(&session->smtpd->settings) && !has_read_mail(session))
		return refuse_for_want_of_login(session);
	/* without the key there is no token, and no way to send */
	if (fault == NULL && session_may_relay(session))
		return true;
	reply(session, 550, "5.7.1", "%s", fault != NULL ? fault : "Relaying not allowed!");
	return false;
}
