#include "queue-manager/queue.h"

#include "common/base/log.h"

enum { TIMEOUT_MS = 120000 }; /* signer takes one message after the other */

/*
 * The number of the service that the envelope names: 0 where it is none of the network's (a program of this machine, a
 * message that we made), for which the general settings count; -1: it is gone.
 */
static int64_t service_of(const struct message *message)
{
	const struct queue *queue = message->queue;
	const struct services *services = &queue->settings.services;
	struct str name = message->envelope.service;

	if (str_equal(name, STR("local")) || made_by_us(message->envelope.producer))
		return 0;
	for (size_t i = 0; i < services->count; i++)
		if (str_equal(name, str_of(services->list[i].label)))
			return services->list[i].id;
	return -1;
}

/*
 * Is it to be signed (05, DKIM)? Only what somebody sent who may: a stranger's message that is passed on would else
 * speak in our name, whatever stands in its From. By which selectors is added to the request.
 */
static bool add_signing(const struct message *message, struct ipc_message *request)
{
	struct settings *settings = &message->queue->settings;
	int64_t service = service_of(message);
	bool wanted;

	if (service < 0 || !message_may_relay(message))
		return false;
	settings_use_service(settings, service);
	wanted = settings_flag(settings, SETTING_SMTP_DKIM);
	if (wanted) {
		ipc_add_number(request, "dkim", 1);
		ipc_add_text(request, "selectors", settings_text(settings, SETTING_SMTP_DKIM_SELECTOR));
	}
	settings_use_service(settings, 0);
	return wanted;
}

/*
 * Is it to be sealed (RFC 8617)? What lists and users pass on, not what who may sends: that begins here. Only where it
 * is known what was found when it came. What is found is added to the request.
 */
static bool add_sealing(const struct message *message, struct ipc_message *request)
{
	const struct settings *settings = &message->queue->settings;
	const struct spool_envelope *envelope = &message->envelope;
	const char *domain = settings_text(settings, SETTING_ARC_DOMAIN);

	if (!settings_flag(settings, SETTING_ARC_SEAL) || envelope->arc.len == 0 || envelope->token.len > 0)
		return false;
	ipc_add(request, "arc", envelope->arc);
	ipc_add(request, "results", envelope->results);
	ipc_add_text(request, "arc-domain", domain[0] != '\0' ? domain : settings_default_domain(settings));
	ipc_add_text(request, "arc-selectors", settings_text(settings, SETTING_ARC_SELECTOR));
	return true;
}

/* signer is away: in seconds again, no attempt is counted. */
static void put_off(struct message *message)
{
	int64_t now = queue_now();

	message->signing = SIGNING_UNKNOWN;
	message->away++;
	for (size_t i = 0; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];

		if (delivery->kind == DELIVERY_REMOTE && delivery->state == DELIVERY_PENDING && !delivery->busy &&
		    delivery->next <= now)
			outcome_away(message, delivery);
	}
}

static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	struct message *message = context;

	message->jobs--;
	message_touch(message);
	if (reply == NULL || err->code != ERR_NONE) {
		log_warning("id=%s cannot be signed now: %s", message->id, err->text);
		put_off(message);
		return;
	}
	message->away = 0;
	message->signing = SIGNING_SETTLED;
	message->signatures = arena_copy(&message->arena, ipc_get(reply, "fields"));
}

static void ask(struct message *message, struct ipc_message *request)
{
	struct form_file form = message_form(message, DELIVERY_REMOTE);

	ipc_add_text(request, "id", message->id);
	ipc_add_number(request, "offset", form.offset);
	ipc_add_number(request, "size", form.size);
	ipc_add_fd(request, form.fd);
	message->signing = SIGNING_ASKED;
	message->jobs++;
	ipc_client_call(message->queue->signer, request, TIMEOUT_MS, on_answer, message);
}

bool sign_is_settled(struct message *message)
{
	struct ipc_message request;
	bool is_signed, is_sealed;

	if (message->signing == SIGNING_UNKNOWN) {
		ipc_message_init(&request);
		ipc_request(&request, "sign");
		is_signed = add_signing(message, &request);
		is_sealed = add_sealing(message, &request);
		if (is_signed || is_sealed)
			ask(message, &request);
		else
			message->signing = SIGNING_SETTLED;
		ipc_message_free(&request);
	}
	return message->signing == SIGNING_SETTLED;
}
