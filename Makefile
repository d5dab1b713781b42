# headgate: `make run` shows it at work, `make check` proves it. `make help` lists the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := all

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
WERROR ?= 1
FAILPOINTS ?=
V ?=

comma := ,
VARIANT := $(notdir $(CC))$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(FAILPOINTS),-failpoints)$(if $(COV),-cov)
B := build/$(VARIANT)

PACKAGES := libmicrohttpd libcurl jansson libpq yaml-0.1 libpcre2-8 libcrypto libsystemd libcares zlib
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual -Wcast-align \
	-Wwrite-strings -Wformat=2 -Wundef -Wvla -Wdouble-promotion -Wimplicit-fallthrough \
	-Wfloat-equal -Wnull-dereference -Wredundant-decls -Wbad-function-cast
ifneq (,$(findstring gcc,$(CC)))
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches
endif
ifeq ($(WERROR),1)
WARN += -Werror
endif
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE -fno-common
OPT := -O2 -g
ifeq ($(SAN),)
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
else
# The sanitizers' own checks add paths on which gcc sees null dereferences that cannot happen.
OPT := -O1 -g -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
WARN += -Wno-null-dereference
endif
ifneq ($(COV),)
OPT := -O0 -g --coverage
HARDEN := -fPIE -fno-common
endif
CPPFLAGS += -D_GNU_SOURCE -Ilib -Idaemon $(if $(FAILPOINTS),-DHEADGATE_FAILPOINTS)
CFLAGS_ALL = -std=c17 $(OPT) $(WARN) $(HARDEN) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN)) $(if $(COV),--coverage) $(LDFLAGS)
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PACKAGES) 2>/dev/null))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lev -lm)$(PKG_LIBS)
CHECK_LIBS = $(eval CHECK_LIBS := $$(shell pkg-config --libs check 2>/dev/null))$(CHECK_LIBS)
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

# The parts of lib/ and what each may stand on. The link of every unit test uses just these archives, so
# an arrow that points the wrong way does not link.
PARTS := base exposition series promql gate policy release audit notify
BELOW_base := base
BELOW_exposition := exposition base
BELOW_series := series base
BELOW_promql := promql series base
BELOW_gate := gate promql series base
BELOW_policy := policy gate promql series base
BELOW_audit := audit base
BELOW_release := release audit policy gate promql series base
BELOW_notify := notify release audit policy gate promql series base
ARCHIVES := $(foreach p,notify release policy gate promql series exposition audit base,$(B)/lib/$(p).a)

LIB_SRC := $(sort $(wildcard lib/*/*.c))
DAEMON_SRC := $(sort $(wildcard daemon/*.c daemon/*/*.c))
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(B)/%.o)
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/unit/%)
HEADERS := $(sort $(wildcard lib/*/*.h daemon/*.h daemon/*/*.h))

.PHONY: all
all: build/headgate

build/headgate: $(B)/headgate
	$(Q)ln -sf $(VARIANT)/headgate $@

$(B)/headgate: $(DAEMON_OBJ) $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(if $(filter lib/%,$<),-Wswitch-enum) -MMD -MP -c -o $@ $<

define part_rules
$(B)/lib/$(1).a: $$(patsubst %.c,$(B)/%.o,$$(sort $$(wildcard lib/$(1)/*.c)))
	$$(Q)rm -f $$@; mkdir -p $$(@D); ar rcs $$@ $$^
endef
$(foreach p,$(PARTS),$(eval $(call part_rules,$(p))))

# tests/unit/PART/test_NOUN.c links with PART and what is below it; tests/unit/daemon/ with everything.
define unit_rules
$(B)/tests/unit/$(1)/%: tests/unit/$(1)/%.c $(foreach p,$(BELOW_$(1)),$(B)/lib/$(p).a)
	$$(call say,TEST,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS) $$(filter-out -Wbad-function-cast -Wfloat-equal,$$(CFLAGS_ALL)) -MMD -MP $$(LDFLAGS_ALL) -o $$@ $$(filter %.c %.a,$$^) \
		$$(CHECK_LIBS) $$(PKG_LIBS)
endef
$(foreach p,$(PARTS),$(eval $(call unit_rules,$(p))))

$(B)/tests/unit/daemon/%: tests/unit/daemon/%.c $(filter-out %/main.o,$(DAEMON_OBJ)) $(ARCHIVES)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -Wbad-function-cast -Wfloat-equal,$(CFLAGS_ALL)) -MMD -MP $(LDFLAGS_ALL) -o $@ $(filter %.c %.o %.a,$^) \
		$(CHECK_LIBS) $(PKG_LIBS)

.PHONY: clean
clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
include $(wildcard scripts/*.mk)
