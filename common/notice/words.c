#include "common/notice/notice.h"

#include <stddef.h>

const char *const notice_targets[] = {
    "Antivirus",
    "AntivirusUpdate",
    "ArchiveBackup",
    "Attachments",
    "Autoresponder",
    "AutoUpdate",
    "BadMailerDaemonMessage",
    "BadOutqueueFile",
    "CollectErrors",
    "DailySummary",
    "DatabaseBackup",
    "DownloadRuleAskDefault",
    "DownloadRuleDelete",
    "Exceptions",
    "ExternalRouterError",
    "InvalidRecipient",
    "LanFwd",
    "ListServerBadMessageAlert",
    "MailboxQuota",
    "MailingList",
    "MailingListDefaultModerator",
    "MailingListDefaultOwner",
    "OffsiteBackupRestore",
    "OutqueueProcessError",
    "Pop3DownloadTooBig",
    "SendErrors",
    NULL,
};

static const char *const components[] = {
    [NOTICE_MISC] = "misc",           [NOTICE_COLLECTOR] = "collector", [NOTICE_SENDER] = "sender",
    [NOTICE_FILTERING] = "filtering", [NOTICE_ROUTING] = "routing",
};

static const char *const kinds[] = {[NOTICE_OTHER] = "other", [NOTICE_PROTOCOL] = "protocol", [NOTICE_TCPIP] = "tcpip"};

static const char *const severities[] = {
    [NOTICE_INFORMATIONAL] = "informational",
    [NOTICE_WARNING] = "warning",
    [NOTICE_ERROR] = "error",
    [NOTICE_FATAL] = "fatal",
    [NOTICE_PANIC] = "panic",
};

const char *notice_component_word(enum notice_component component)
{
	return components[component];
}

const char *notice_kind_word(enum notice_kind kind)
{
	return kinds[kind];
}

const char *notice_severity_word(enum notice_severity severity)
{
	return severities[severity];
}

static int find(const char *const *words, int count, struct str word)
{
	for (int i = 0; i < count; i++)
		if (str_equal_nocase(word, str_of(words[i])))
			return i;
	return -1;
}

int notice_component_of(struct str word)
{
	return find(components, NOTICE_COMPONENTS, word);
}

int notice_kind_of(struct str word)
{
	return find(kinds, NOTICE_KINDS, word);
}

int notice_severity_of(struct str word)
{
	return find(severities, NOTICE_SEVERITIES, word);
}
