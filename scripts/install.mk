# Installing, and the list of targets.

PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: install help

## install: install under PREFIX (/usr/local), with unit and samples; DESTDIR for packagers
install: all
	$(Q)install -D -m 0755 $(B)/headgate $(DESTDIR)$(PREFIX)/bin/headgate
	$(Q)install -d $(DESTDIR)$(PREFIX)/share/headgate/migrations $(DESTDIR)/etc/headgate/policies/common
	$(Q)install -m 0644 migrations/*.sql $(DESTDIR)$(PREFIX)/share/headgate/migrations/
	$(Q)install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/headgate README.md CHANGELOG.md docs/*.md
	$(Q)install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/headgate/policies config/policies/*.yaml
	$(Q)install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/headgate/policies/common config/policies/common/*.yaml
	$(Q)install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/headgate/actions config/actions/*.yaml
	$(Q)install -D -m 0755 -t $(DESTDIR)$(PREFIX)/share/headgate/actions/scripts config/actions/scripts/*
	$(Q)install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/headgate/notify config/notify/*.yaml
	$(Q)test -e $(DESTDIR)/etc/headgate/headgate.yaml || \
		install -D -m 0640 config/headgate.yaml $(DESTDIR)/etc/headgate/headgate.yaml
	$(Q)sed 's|/usr/local|$(PREFIX)|g' systemd/headgate.service | \
		install -D -m 0644 /dev/stdin $(DESTDIR)/etc/systemd/system/headgate.service
	$(Q)install -D -m 0644 systemd/sysusers.d/headgate.conf $(DESTDIR)/etc/sysusers.d/headgate.conf
	$(Q)install -D -m 0644 systemd/tmpfiles.d/headgate.conf $(DESTDIR)/etc/tmpfiles.d/headgate.conf

## help: this list
help:
	@printf '  %-14s %s\n' all 'build build/headgate (CC=clang, SAN=address,undefined, FAILPOINTS=1, V=1)'
	@sed -n 's/^## \([a-z-]*\): \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
		awk -F '\t' '{ printf "  %-14s %s\n", $$1, $$2 }'
	@printf '  %-14s %s\n' clean 'remove build/ (state/ holds the data of make run)'
