# Postroom. `make run` tries it out, `make check` tests it, `make help` names the rest.

VERSION  := 0.1
PREFIX   ?= /usr/local
BUILD    ?= build$(if $(SAN),-san)

CC       ?= cc
PKGS     := openssl sqlite3 libevent libgsasl libidn2 jansson libseccomp
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
DAEMONS  := smtpd pop3d pop3-login queue-manager deliver sender dnsd resolver authd configd
FOLDER_smtpd         := smtpd
FOLDER_pop3d         := pop3d
FOLDER_pop3-login    := pop3d/login
FOLDER_queue-manager := queue-manager
FOLDER_deliver       := deliver
FOLDER_sender        := sender
FOLDER_dnsd          := dnsd
FOLDER_resolver      := resolver
FOLDER_authd         := authd
FOLDER_configd       := configd
FOLDER_postroom      := ctl
FOLDER_sendmail      := ctl/sendmail
TOOLS    := postroom sendmail

LIBS_dnsd := -lunbound
LIBS_authd := -lcrypt

TARGETS  := $(DAEMONS:%=$(BUILD)/libexec/postroom/%) $(TOOLS:%=$(BUILD)/bin/%) $(BUILD)/bin/mailq
COMMON   := $(wildcard common/*/*.c)
LIBCOMMON := $(BUILD)/libcommon.a

.PHONY: all help deps deps-build deps-check run check check-unit check-e2e crash bench lint format fuzz install clean
.SECONDARY:
.DEFAULT_GOAL := all

# Flags of libraries are asked for only when something is built, so that `make deps` works on a bare machine.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)

# V=1 shows the commands themselves.
Q        := $(if $(V),,@)
say       = $(if $(V),,@printf '%-4s %s\n' $(1) $(2))

all: $(TARGETS)

help:
	@echo 'make              build into $(BUILD)/'
	@echo 'make run          install packages, build, make an instance, start it, send a mail through'
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
$(2)/$(1): $$(patsubst %.c,$$(BUILD)/obj/%.o,$$(wildcard $$(FOLDER_$(1))/*.c)) $$(LIBCOMMON)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(PKG_LIBS) $$(LIBS_$(1))
endef
$(foreach d,$(DAEMONS),$(eval $(call PROGRAM,$(d),$(BUILD)/libexec/postroom)))
$(foreach t,$(TOOLS),$(eval $(call PROGRAM,$(t),$(BUILD)/bin)))

$(BUILD)/bin/mailq: $(BUILD)/bin/sendmail
	ln -sf sendmail $@

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# Unit tests: t/unit mirrors the tree; t/unit/common/base/str.c becomes build/t/unit/common/base/str.
UNIT := $(patsubst %.c,$(BUILD)/%,$(shell find t/unit -name '*.c' 2>/dev/null))

$(BUILD)/t/unit/%: $(BUILD)/obj/t/unit/%.o $(LIBCOMMON)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter-out $(LIBCOMMON),$^) $(LIBCOMMON) $(PKG_LIBS) -lcmocka $(LIBS_unit)

unit: $(UNIT)

clean:
	rm -rf build build-san
