# Postroom. `make run` tries it out, `make check` tests it, `make help` names the rest.

VERSION  := 0.1
PREFIX   ?= /usr/local
BUILD    ?= build$(if $(SAN),-san)

CC       ?= cc
PKGS     := openssl sqlite3 libevent libgsasl libidn2 libpsl jansson libseccomp lua5.4 zlib libpcre2-8 libmaxminddb
CPPFLAGS += -I. -D_GNU_SOURCE -DPOSTROOM_VERSION='"$(VERSION)"' -DPOSTROOM_LIBEXEC='"$(PREFIX)/libexec/postroom"'
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
            -Wno-format-truncation
CFLAGS   ?= -g
CFLAGS   += -std=gnu17 -O2 $(WARN) -fPIE -fstack-protector-strong -ffunction-sections -fdata-sections
LDFLAGS  += -pie -Wl,-z,relro,-z,now,--as-needed,--gc-sections
ifdef SAN
CFLAGS   += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=address,undefined
CPPFLAGS += -DPOSTROOM_SANITIZED
else
CPPFLAGS += -D_FORTIFY_SOURCE=2
endif

# Each program and the folder its sources are in; all of common/ is one library, of which each takes what it needs.
DAEMONS  := smtpd pop3d pop3-login imapd imap-login queue-manager deliver signer sender lfwd collector reporter mingerd dnsd fetchd resolver authd configd statusd historyd policyd noticed filterd listd scheduler brokerd webadmin
FOLDER_smtpd         := smtpd
FOLDER_pop3d         := pop3d
FOLDER_pop3-login    := pop3d/login
FOLDER_imapd         := imapd
FOLDER_imap-login    := imapd/login
FOLDER_queue-manager := queue-manager
FOLDER_deliver       := deliver
FOLDER_signer        := signer
FOLDER_reporter      := reporter
FOLDER_mingerd       := minger
FOLDER_fetchd        := fetchd
FOLDER_sender        := sender
FOLDER_lfwd          := lfwd
FOLDER_collector     := collector
FOLDER_dnsd          := dnsd
FOLDER_resolver      := resolver
FOLDER_authd         := authd
FOLDER_configd       := configd
FOLDER_statusd       := statusd
FOLDER_historyd      := statusd/historyd
FOLDER_policyd       := policyd
FOLDER_noticed       := noticed
FOLDER_listd         := lists
FOLDER_filterd       := filterd
FOLDER_scheduler     := scheduler
FOLDER_brokerd       := broker
FOLDER_webadmin      := webadmin
FOLDER_postroom      := ctl
FOLDER_sendmail      := ctl/sendmail
TOOLS    := postroom sendmail

# Further folders of a program.
PARTS_webadmin := webadmin/api webadmin/mail
folders_of = $(FOLDER_$(1)) $(PARTS_$(1))

# smtpd and sender fork for each connection, and each shared library costs a fork, and the end of what was forked, the copies of five
# mappings: a tenth of a session. So the small ones are linked into them; SHARED=1 for those who want none of that.
STATIC_smtpd := $(if $(SHARED)$(SAN),,psl idn2 unistring jansson seccomp lua5.4 pcre2-8 maxminddb)
STATIC_sender := $(STATIC_smtpd)

LIBS_dnsd := -lunbound
LIBS_authd := -lcrypt -lpam
LIBS_fetchd := -lcurl
LIBS_listd := -lodbc
LIBS_webadmin := -lmicrohttpd

WEB      := $(BUILD)/share/postroom/web/mail/index.html
TARGETS  := $(DAEMONS:%=$(BUILD)/libexec/postroom/%) $(TOOLS:%=$(BUILD)/bin/%) $(BUILD)/bin/mailq $(BUILD)/units $(WEB)
COMMON   := $(wildcard common/*/*.c common/*/*/*.c)
LIBCOMMON := $(BUILD)/libcommon.a

.PHONY: all help unit web deps run check check-unit crash bench lint format fuzz fuzz-build install units manual clean
.SECONDARY:
.DEFAULT_GOAL := all

# Flags of libraries are asked for only when something is built, so that `make deps` works on a bare machine.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)) -lunistring)$(PKG_LIBS)

, := ,
link_libs = $(filter-out $(STATIC_$(1):%=-l%),$(PKG_LIBS)) $(if $(STATIC_$(1)),-Wl$(,)-Bstatic $(STATIC_$(1):%=-l%) -Wl$(,)-Bdynamic -lm)

# V=1 shows the commands themselves.
Q        := $(if $(V),,@)
say       = $(if $(V),,@printf '%-4s %s\n' $(1) $(2))

all: $(TARGETS)

help:
	@echo 'make              build into $(BUILD)/'
	@echo 'make run          install packages, build, make an instance, start it, send a mail through'
	@echo 'make SHARED=1     the same, with all libraries shared (an update of one needs no make)'
	@echo 'make check        install what tests need, run all tests (SAN=1: with sanitizers)'
	@echo 'make crash        kill -9 under load, 1,000 rounds (ROUNDS=N)'
	@echo 'make bench        measure against Postfix and Dovecot'
	@echo 'make fuzz         run each fuzz target (SECONDS_EACH=N)'
	@echo 'make lint         clang-tidy and cppcheck;  make format: clang-format'
	@echo 'make install      DESTDIR= PREFIX=$(PREFIX)'

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIBCOMMON): $(COMMON:%.c=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^

define PROGRAM
$(2)/$(1): $$(patsubst %.c,$$(BUILD)/obj/%.o,$$(wildcard $$(addsuffix /*.c,$$(call folders_of,$(1))))) $$(LIBCOMMON)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(call link_libs,$(1)) $$(LIBS_$(1))
endef
$(foreach d,$(DAEMONS),$(eval $(call PROGRAM,$(d),$(BUILD)/libexec/postroom)))
$(foreach t,$(TOOLS),$(eval $(call PROGRAM,$(t),$(BUILD)/bin)))

$(BUILD)/bin/mailq: $(BUILD)/bin/sendmail
	ln -sf sendmail $@

# The pages of the web service with their libraries.
web: $(WEB)
$(WEB): $(shell find webadmin/pages -type f 2>/dev/null) webadmin/package-lock.json scripts/web-libraries scripts/web-pages scripts/web-preload.mjs
	@mkdir -p $(BUILD)/share/postroom
	$(call say,WEB,$(BUILD)/share/postroom/web)
	$(Q)scripts/web-pages $(BUILD)/npm/pages $(BUILD)/share/postroom/web
	@touch $@

-include $(shell find $(BUILD)/obj build-fuzz/obj -name '*.d' 2>/dev/null)

# Unit tests: t/unit mirrors the tree; t/unit/common/base/str.c becomes build/t/unit/common/base/str. What a test of a
# daemon's part needs of that daemon stands in UNIT_<folder>: the sources without main.c.
UNIT := $(patsubst %.c,$(BUILD)/%,$(shell find t/unit -name '*.c' 2>/dev/null))

.SECONDEXPANSION:
part_objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out %/main.c,$(wildcard $(1)*.c)))

$(BUILD)/t/unit/%: $(BUILD)/obj/t/unit/%.o $$(if $$(filter-out common/%,$$*),$$(call part_objects,$$(dir $$*))) $(LIBCOMMON)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBCOMMON) $(PKG_LIBS) -lcmocka -lunbound -lcrypt -lodbc -lpam -lmicrohttpd

# A daemon's tests link its objects, all but main.
define UNIT_OF_DAEMON
$(patsubst %.c,$(BUILD)/%,$(wildcard t/unit/$(1)/*.c)): $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out %/main.c,$(wildcard $(addsuffix /*.c,$(1) $(PARTS_$(1))))))
endef
$(foreach f,$(sort $(foreach p,$(DAEMONS) $(TOOLS),$(FOLDER_$(p)))),$(if $(wildcard t/unit/$(f)/*.c),$(eval $(call UNIT_OF_DAEMON,$(f)))))
LIBS_unit := -lcrypt

# Programs by which tests ask the libraries; each is one file of t/tools.
TESTTOOLS := $(patsubst t/tools/%.c,$(BUILD)/t/tools/%,$(wildcard t/tools/*.c))
$(BUILD)/t/tools/%: $(BUILD)/obj/t/tools/%.o $(LIBCOMMON)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

unit: $(UNIT) $(TESTTOOLS)

# Made from the catalogue of settings and kept in the repository; a test compares.
manual: man/postroom-settings.5 man/postroom-attributes.5 man/postroom-lists.5 man/postroom-connections.5 \
    man/postroom-senders.5 man/postroom-collectors.5 conf/settings.conf doc/openapi.json
man/postroom-settings.5: common/settings/catalogue.def ctl/manual.c | $(BUILD)/bin/postroom
	$(BUILD)/bin/postroom settings --format man >$@
man/postroom-attributes.5: common/settings/attributes.def ctl/manual.c | $(BUILD)/bin/postroom
	$(BUILD)/bin/postroom attributes --format man >$@
man/postroom-lists.5: common/settings/list_settings.def ctl/manual.c | $(BUILD)/bin/postroom
	$(BUILD)/bin/postroom list-settings --format man >$@
man/postroom-%s.5: common/settings/%_settings.def ctl/manual.c | $(BUILD)/bin/postroom
	$(BUILD)/bin/postroom $*-settings --format man >$@
doc/openapi.json: $(wildcard webadmin/api/calls*) webadmin/api/openapi.c | $(BUILD)/libexec/postroom/webadmin
	$(BUILD)/libexec/postroom/webadmin --openapi >$@
conf/settings.conf: common/settings/catalogue.def ctl/manual.c | $(BUILD)/bin/postroom
	$(BUILD)/bin/postroom settings --format conf >$@

deps:
	scripts/deps check
	scripts/deps lint

# Who says nothing about -j gets a process for each processor.
PARALLEL  = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

run:
	scripts/deps run
	$(MAKE) $(PARALLEL) all
	scripts/try $(BUILD)

# JOBS test files at a time: they wait more than they work. The longest begin first.
JOBS     ?= 6
LONG     := $(addprefix t/,fault/60-containment.t fault/31-inject-imap.t fault/30-inject.t web/50-look.t fault/85-collect-kill.t \
            e2e/64-imap-turns.t e2e/65-imap-limits.t e2e/65-imap-search-turns.t)
TESTS    ?= $(wildcard t/e2e/*.t t/fault/*.t t/web/*.t)
check:
	scripts/deps check
	$(MAKE) $(PARALLEL) all unit
	scratch=$$(scripts/scratch) && POSTROOM_BUILD=$(BUILD) POSTROOM_SCRATCH=$$scratch prove -j$(JOBS) --timer $(filter $(LONG),$(TESTS)) $(sort $(filter-out $(LONG),$(TESTS))) $(UNIT)

check-unit: unit
	prove -j$(JOBS) $(UNIT)

crash: all
	scripts/deps check
	POSTROOM_BUILD=$(BUILD) ROUNDS=$(or $(ROUNDS),1000) t/fault/10-kill.t
	POSTROOM_BUILD=$(BUILD) ROUNDS=$(or $(ROUNDS),200) t/fault/71-imap-kill.t

bench: all
	scripts/deps bench
	@for bench in t/bench/*; do [ ! -x $$bench ] || POSTROOM_BUILD=$(BUILD) $$bench || exit 1; done

SOURCES  := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
lint:
	scripts/deps lint
	@cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability --std=c11 -I. -D_GNU_SOURCE \
	    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches $(filter %.c,$(filter-out t/%,$(SOURCES)))
	@echo $(filter %.c,$(filter-out t/%,$(SOURCES))) | xargs -n 12 -P $(JOBS) sh -c \
	    'clang-tidy --quiet "$$@" -- -std=gnu17 -I. -D_GNU_SOURCE -DPOSTROOM_VERSION=\"$(VERSION)\" \
	    -DPOSTROOM_LIBEXEC=\"$(PREFIX)/libexec/postroom\" $(PKG_CFLAGS) 2>/dev/null' clang-tidy

format:
	clang-format -i $(SOURCES)

# Each target of t/fuzz for SECONDS_EACH seconds, from its corpus in t/fuzz/corpus/<target> where there is one.
SECONDS_EACH ?= 60
FUZZ     := $(patsubst t/fuzz/%.c,build-fuzz/%,$(wildcard t/fuzz/*.c))
FUZZFLAGS := -g -O1 -std=gnu17 -fsanitize=address,undefined -fno-sanitize-recover=undefined
build-fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)clang $(CPPFLAGS) $(PKG_CFLAGS) $(FUZZFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
build-fuzz/libcommon.a: $(COMMON:%.c=build-fuzz/obj/%.o)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
build-fuzz/%: t/fuzz/%.c build-fuzz/libcommon.a
	$(call say,LD,$@)
	$(Q)clang $(CPPFLAGS) $(PKG_CFLAGS) $(FUZZFLAGS) -fsanitize=fuzzer -o $@ $< \
	    $(shell sed -n 's|^// parts: ||p' t/fuzz/$*.c) build-fuzz/libcommon.a $(PKG_LIBS) -lunbound -lmicrohttpd
fuzz-build:
	scripts/deps fuzz
	$(MAKE) $(FUZZ)
fuzz: fuzz-build
	@for target in $(FUZZ); do name=$$(basename $$target); mkdir -p build-fuzz/corpus/$$name; \
	    echo "== $$name"; \
	    $$target -max_total_time=$(SECONDS_EACH) -timeout=10 -print_final_stats=1 -artifact_prefix=build-fuzz/ build-fuzz/corpus/$$name \
	        $$(ls -d t/fuzz/corpus/$$name 2>/dev/null) || exit 1; done

# What systemd is told, from the list of programs.
$(BUILD)/units: $(BUILD)/obj/conf/systemd/units.o $(LIBCOMMON)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
units: $(BUILD)/units
	rm -rf $(BUILD)/systemd
	mkdir -p $(BUILD)/systemd
	$(BUILD)/units conf/systemd $(BUILD)/systemd $(PREFIX)

LIBEXEC  := $(DESTDIR)$(PREFIX)/libexec/postroom
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(LIBEXEC) $(DESTDIR)$(PREFIX)/share/doc/postroom
	install -m 755 $(BUILD)/bin/postroom $(BUILD)/bin/sendmail $(DESTDIR)$(PREFIX)/bin
	ln -sf sendmail $(DESTDIR)$(PREFIX)/bin/mailq
	install -m 755 $(DAEMONS:%=$(BUILD)/libexec/postroom/%) $(LIBEXEC)
	for section in 1 5 8; do \
	    install -d $(DESTDIR)$(PREFIX)/share/man/man$$section; \
	    install -m 644 man/*.$$section $(DESTDIR)$(PREFIX)/share/man/man$$section; done
	ln -sf sendmail.1 $(DESTDIR)$(PREFIX)/share/man/man1/mailq.1
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	sed 's|@PREFIX@|$(PREFIX)|g' conf/systemd/postroom-maintain.service \
	    >$(DESTDIR)$(PREFIX)/lib/systemd/system/postroom-maintain.service
	install -m 644 conf/systemd/postroom-maintain.timer $(DESTDIR)$(PREFIX)/lib/systemd/system
	units=$$(mktemp -d) && $(BUILD)/units conf/systemd $$units $(PREFIX) && \
	    install -m 644 $$units/*.service $$units/*.socket $$units/*.target $(DESTDIR)$(PREFIX)/lib/systemd/system && \
	    install -m 644 $$units/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/postroom.conf && \
	    install -m 644 $$units/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/postroom.conf && \
	    rm -r $$units
	install -m 644 README.md LICENSE CHANGELOG.md $(DESTDIR)$(PREFIX)/share/doc/postroom
	rm -rf $(DESTDIR)$(PREFIX)/share/postroom/web
	install -d $(DESTDIR)$(PREFIX)/share/postroom
	cp -R $(BUILD)/share/postroom/web $(DESTDIR)$(PREFIX)/share/postroom/web

clean:
	rm -rf build build-san build-fuzz
