/*
 * manual: the catalogues of settings, attributes, lists and connectors written out for people: on the terminal, as
 * postroom-settings(5), postroom-attributes(5), postroom-lists(5) and so on, as a commented list of defaults. All go
 * to standard output.
 */
#ifndef POSTROOM_CTL_MANUAL_H
#define POSTROOM_CTL_MANUAL_H

#include "ctl/ctl.h"

#include "common/settings/settings.h"

/* What a manual page has around its catalogue. */
struct manual_page {
	const struct catalogue *catalogue;
	const char *source;       /* the file it is made from */
	const char *name, *title; /* "settings", "SETTINGS" */
	const char *sentence;
	const char *introduction; /* mdoc */
	const char *entries;      /* what the catalogue has: "settings" */
};

extern const struct manual_page manual_of_settings, manual_of_attributes, manual_of_lists;
extern const struct manual_page manual_of_connections, manual_of_senders, manual_of_collectors;

void manual_list(const struct catalogue *catalogue);
/* Returns the exit status: there may be nothing of that key. */
int manual_explain(const struct catalogue *catalogue, const char *key);
void manual_mdoc(const struct manual_page *page);
void manual_conf(void);
/* `postroom list-settings [KEY | --format list|man]`, and the same for other pages. Returns the exit status. */
int manual_command(const struct manual_page *page, const struct ctl_command *usage, int argc, char **argv);

#endif
