#include "sender/program.h"

#include "common/base/log.h"
#include "sender/scripts.h"

#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 30 * 1000 }; /* beyond the program's own time */

bool program_is_set(const struct settings *settings)
{
	return settings_text(settings, SETTING_RELAY_COMMAND)[0] != '\0';
}

/* The other form is the message from here on; a signature over the first one would be wrong. */
static int take_form(struct delivery *delivery, int form, struct err *err)
{
	struct smtp_message *message = &delivery->message;
	struct stat status;

	if (form < 0 || fstat(form, &status) != 0 || !S_ISREG(status.st_mode))
		return err_set(err, ERR_PROTOCOL, "filterd gave no file");
	close(message->file);
	message->file = form;
	message->offset = 0;
	message->size = status.st_size;
	message->on_top = STR("");
	log_info("id=%s was changed by the program for mail to relays", delivery->id);
	return 0;
}

static int ask(struct attempt *attempt, struct delivery *delivery, struct err *err)
{
	struct settings *settings = attempt->sources.settings;
	int timeout = (int)settings_number(settings, SETTING_RELAY_TIMEOUT) * 1000 + PATIENCE_MS, result;
	struct ipc_message request, reply;
	int64_t changed = 0;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "relay");
	ipc_add_text(&request, "id", delivery->id);
	ipc_add_number(&request, "offset", delivery->message.offset);
	ipc_add(&request, "from", delivery->message.from);
	for (size_t i = 0; i < delivery->message.recipient_count; i++)
		ipc_add(&request, "recipient", delivery->message.recipients[i].address);
	ipc_add_fd(&request, delivery->message.file);
	result = ipc_call(&attempt->sources.filterd, &request, &reply, timeout, err);
	if (result == 0 && !ipc_get_number(&reply, "changed", 0, 1, &changed))
		result = err_set(err, ERR_PROTOCOL, "filterd's answer is incomplete");
	if (result == 0 && changed == 1)
		result = take_form(delivery, ipc_take_fd(&reply, 0), err);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

void program_begin(struct attempt *attempt, struct delivery *delivery, struct arena *arena)
{
	struct err err;

	scripts_begin(attempt, delivery, arena);
	if (!delivery->is_relay || !program_is_set(attempt->sources.settings) || ask(attempt, delivery, &err) == 0)
		return;
	log_warning("id=%s waits: %s", delivery->id, err.text);
	delivery_decide(delivery, SMTP_DEFERRED, "4.3.0", arena_copy(arena, str_of(err.text)), STR(""));
}
