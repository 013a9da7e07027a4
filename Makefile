# SPDX-License-Identifier: BSD-2-Clause
# `make help` lists the targets.

BUILD ?= build
CC ?= gcc
# The newest clang on the machine compiles the BPF programs.
CLANG ?= $(shell ls /usr/bin/clang-[0-9]* /usr/local/bin/clang-[0-9]* 2>/dev/null | \
	sort -t- -k2 -n | tail -1 | grep . || command -v clang)
BPFTOOL ?= $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool)
VMLINUX_BTF ?= /sys/kernel/btf/vmlinux
PREFIX ?= /usr/local
DESTDIR ?=

PACKAGES := jansson yaml-0.1 smartcols libmnl libcap-ng libpcap libbpf libxdp
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
SANITIZE ?=
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 $(WARNINGS) $(CFLAGS) $(SANITIZE) -D_GNU_SOURCE -fPIC -I. -I$(BUILD) \
	$(PKG_CFLAGS) -MMD -MP
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-compare-distinct-pointer-types -D__bpf__ -I$(BUILD)/vmlinux -I. -MMD -MP

LOADER_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard loader/*.c))
CLI_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard cli/*.c))
HARNESS_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %.bpf.c,$(wildcard tests/harness/*.c)))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*.c))
BPF_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bpf/*.c))
SYSTEM_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(filter-out %.bpf.c,$(wildcard tests/system/*.c)))
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/examples/*.c))
SYSTEM_OBJECTS := $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(wildcard tests/system/*.bpf.c))
UNIT_SCRIPTS := $(wildcard tests/unit/*.sh)
SYSTEM_TESTS := $(sort $(wildcard tests/system/[0-9][0-9]_*.sh))
VM_TESTS := $(sort $(wildcard tests/vm/[0-9][0-9]_*.sh))
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard bench/*.c))
BPF_FLOORS := $(patsubst %.bpf.c,$(BUILD)/%.skel.h,$(wildcard bench/*.bpf.c))
BENCHES := $(filter-out %.bpf,$(BENCHES))
TRAFFIC := $(BUILD)/bench/traffic/traffic
TRAFFIC_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %.bpf.c,$(wildcard bench/traffic/*.c)))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help clean packages packages-installed check check-unit check-bpf check-system \
	check-vm check-data asan fuzz bench bench-quick bench-report demo install format lint test-programs

all: $(BUILD)/sluice $(BUILD)/libsluice.a $(BUILD)/libsluice.so ## build the switch

# Without this, what a missing package causes is a compiler's complaint about a header.
packages:
	@tests/harness/packages.sh build

packages-installed:
	@tests/harness/packages.sh install

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- the BPF object and its skeleton ---

$(BUILD)/vmlinux/generate: vmlinux/generate.c | packages
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(WARNINGS) -O2 -o $@ $< -lbpf

$(BUILD)/vmlinux/vmlinux.h: $(BUILD)/vmlinux/generate vmlinux/types.txt
	$< $(VMLINUX_BTF) $$(cat vmlinux/types.txt) > $@

$(BUILD)/%.bpf.o: %.bpf.c $(BUILD)/vmlinux/vmlinux.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $(subst -,_,$(notdir $*))_bpf > $@

# --- the library and the command ---

$(BUILD)/maps/layout.h: maps/layout.sh $(wildcard maps/*.h)
	@mkdir -p $(@D)
	echo "#define SLUICE_LAYOUT $$(maps/layout.sh)U" > $@

$(addprefix $(BUILD)/,loader/up.o loader/open.o tests/harness/detached.o): | $(BUILD)/maps/layout.h

$(BUILD)/%.o: %.c | packages
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c $< -o $@

$(BUILD)/libsluice.a: $(LOADER_OBJECTS)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/libsluice.so: $(LOADER_OBJECTS)
	$(CC) $(CFLAGS) $(SANITIZE) -shared -o $@ $^ $(PKG_LIBS)

$(BUILD)/sluice: $(CLI_OBJECTS) $(BUILD)/libsluice.a
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PKG_LIBS)

# --- test, fuzz and bench programs: one file each, with the harness and the library ---

# The skeleton must be there before the first compile; who includes it is known from the .d files after.
$(LOADER_OBJECTS) $(HARNESS_OBJECTS) $(addsuffix .o,$(UNIT_TESTS) $(BPF_TESTS) $(FUZZERS) $(BENCHES)): \
	| $(BUILD)/bpf/sluice.skel.h $(BUILD)/bpf/xsk.skel.h $(BUILD)/tests/harness/feed.skel.h

$(UNIT_TESTS) $(BPF_TESTS) $(FUZZERS): $(BUILD)/%: $(BUILD)/%.o $(HARNESS_OBJECTS) $(BUILD)/libsluice.a
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PKG_LIBS) -lcmocka

$(BENCHES): $(BUILD)/%: $(BUILD)/%.o $(HARNESS_OBJECTS) $(BUILD)/libsluice.a
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PKG_LIBS) -lcmocka

$(BENCHES:=.o): $(BPF_FLOORS)

$(BUILD)/tests/harness/verdicts.o: | $(BUILD)/tests/harness/verdicts.skel.h

$(TRAFFIC_OBJECTS): | $(BUILD)/bench/traffic/traffic.skel.h

$(TRAFFIC): $(TRAFFIC_OBJECTS)
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PKG_LIBS) -lpthread

$(SYSTEM_PROGRAMS) $(EXAMPLES): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libsluice.a
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PKG_LIBS) -lpthread

test-programs: all $(UNIT_TESTS) $(BPF_TESTS) $(BENCHES) $(TRAFFIC) $(SYSTEM_PROGRAMS) $(EXAMPLES) \
	$(SYSTEM_OBJECTS)

# --- checking: each part ends with the line `N passed, N failed, N skipped` ---

CHECK_PARTS := unit asan bpf system
RUN := BUILD=$(BUILD) tests/harness/run
JOBS := -j$(shell nproc)

# A part that fails does not keep the next from being run; `sum` says what came of all of them.
check: packages-installed ## install what is missing (as root), build, run every test
	@$(MAKE) --no-print-directory $(JOBS) test-programs
	@rm -f $(BUILD)/check/*.total
	@vm=$$(tests/harness/packages.sh vm >/dev/null 2>&1 && echo vm); \
	for part in check-unit asan check-bpf check-system $${vm:+check-vm}; do \
		$(MAKE) --no-print-directory $$part || true; done; \
	tests/harness/packages.sh vm 2>&1 | \
		sed -n 's/^get them with: */the VM tests are left out; to have them: /p'; \
	BUILD=$(BUILD) tests/harness/sum $(CHECK_PARTS) $$vm

check-unit: all $(UNIT_TESTS) ## the library's pure parts, and the shape of the source
	@$(RUN) unit $(UNIT_TESTS) $(UNIT_SCRIPTS)

check-bpf: all $(BPF_TESTS) $(BENCHES) ## frames through the loaded programs, and the reference model
	@$(RUN) bpf $(BPF_TESTS) $(wildcard tests/bpf/*.sh)

check-system: all $(SYSTEM_PROGRAMS) $(EXAMPLES) $(SYSTEM_OBJECTS) $(TRAFFIC) ## real traffic through namespaces, by the real command
	@$(RUN) system $(SYSTEM_TESTS)

check-vm: test-programs $(FUZZERS) ## Debian's oldest, middle and newest kernel, in virtual machines
	@tests/harness/packages.sh vm
	@$(RUN) vm $(VM_TESTS)

check-data: all $(UNIT_TESTS) ## captures, filter sets, Azure's NSGs of DATA=DIRECTORY, beside plain readers of them
	@[ -d "$(DATA)" ] || { echo "usage: make check-data DATA=DIRECTORY, with pcaps/*.pcap," \
		"classbench/{acl_1k,acl_1k_trace,...} and azure-nsg/nsgs.jsonl" >&2; exit 1; }
	@DATA=$(abspath $(DATA)) $(RUN) data $(BUILD)/tests/unit/rule_set \
		$(addprefix tests/data/,pcaps.py classbench.py azure.py)

ASAN_BUILD := $(BUILD)-asan
asan: packages ## the unit tests under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory $(JOBS) BUILD=$(ASAN_BUILD) CFLAGS="-O1 -g" asan-programs \
		SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
	@$(RUN) asan $(patsubst $(BUILD)/%,$(ASAN_BUILD)/%,$(UNIT_TESTS))

.PHONY: asan-programs
asan-programs: $(UNIT_TESTS)

FUZZ_SECONDS ?= 600
fuzz: all $(FUZZERS) ## compare switch and reference model on random documents (FUZZ_SECONDS=600)
	@for fuzzer in $(FUZZERS); do $$fuzzer $(FUZZ_SECONDS) || exit 1; done

# --- showing, measuring ---

demo: packages-installed ## put up a playground, show what passes and what is refused
	@$(MAKE) --no-print-directory $(JOBS) all $(SYSTEM_PROGRAMS)
	@BUILD=$(BUILD) tests/system/demo.sh

# A run that is cut off leaves its journal; `make bench-report` makes a report of what is there.
BENCH_ROUNDS ?= 7
BENCH_OPTIONS ?=
BENCH_RUN = BUILD=$(BUILD) bench/run.sh --journal $(BUILD)/bench.jsonl

bench: packages-installed ## what it costs beside what it is compared with, 15 minutes (BENCH_ROUNDS=7)
	@tests/harness/packages.sh bench
	@$(MAKE) --no-print-directory $(JOBS) all $(BENCHES) $(TRAFFIC) $(SYSTEM_PROGRAMS) $(EXAMPLES)
	@rm -f $(BUILD)/bench.jsonl $(BUILD)/bench-*.json
	@for part in $(BENCHES) bench/loss.sh; do echo "$$part"; BUILD=$(BUILD) $$part || \
		echo "{\"plan\":\"by itself\",\"path\":\"$$part\",\"rules\":0,\"didNotRun\":\"it failed\"}" \
			>>$(BUILD)/bench.jsonl; done
	@$(BENCH_RUN) --rounds $(BENCH_ROUNDS) $(BENCH_OPTIONS)
	@$(MAKE) --no-print-directory bench-report

bench-quick: all $(BENCHES) $(TRAFFIC) $(EXAMPLES) ## the main figures in under two minutes
	@rm -f $(BUILD)/bench.jsonl $(BUILD)/bench-*.json
	@BUILD=$(BUILD) $(BUILD)/bench/quick
	@$(BENCH_RUN) --quick $(BENCH_OPTIONS)
	@$(MAKE) --no-print-directory bench-report

bench-report: ## the report of the last bench: $(BUILD)/bench.md, bench.json
	@/usr/bin/python3 -B bench/report.py $(BUILD)/bench.jsonl $(BUILD)
	@echo "the report: $(BUILD)/bench.md, bench.json"

# --- the source, the system ---

SOURCES = $(wildcard maps/*.h bpf/*.[ch] loader/*.[ch] cli/*.[ch] vmlinux/*.c tests/*/*.[ch] bench/*.[ch] bench/*/*.[ch])
SCRIPTS = tests/harness/run tests/harness/sum maps/layout.sh $(wildcard tests/*/*.sh) .ci/run
BENCH_SCRIPTS = $(wildcard bench/*.sh bench/*/*.sh)

format: ## lay the C sources out as .clang-format says
	clang-format -i $(SOURCES)

# cppcheck does not know what a ?: b is, breaks off in some compound literals, and takes the return of
# a value that was asked for 0 before for a condition.
lint: ## shellcheck, cppcheck, mandoc and the shape of the source
	shellcheck -x -S warning -P tests/system $(SCRIPTS)
	shellcheck -S warning -e SC1090,SC2034,SC2154 $(BENCH_SCRIPTS)
	cppcheck -q --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
		--suppress=internalAstError --suppress=selfAssignment \
		--suppress=identicalInnerCondition \
		--include=tests/harness/cppcheck.h -I. loader cli
	mandoc -Tlint -Wwarning cli/sluice.8
	@for script in $(UNIT_SCRIPTS); do BUILD=$(BUILD) $$script || exit 1; done

install: all ## into DESTDIR and PREFIX (/usr/local)
	install -D -m 755 $(BUILD)/sluice $(DESTDIR)$(PREFIX)/bin/sluice
	install -D -m 644 $(BUILD)/libsluice.a $(DESTDIR)$(PREFIX)/lib/libsluice.a
	install -D -m 755 $(BUILD)/libsluice.so $(DESTDIR)$(PREFIX)/lib/libsluice.so
	install -d $(DESTDIR)$(PREFIX)/include/sluice
	for header in sluice sluice_flow sluice_move sluice_xsk; do \
		sed 's:"loader/\(sluice.*\)":"\1":' loader/$$header.h \
			>$(DESTDIR)$(PREFIX)/include/sluice/$$header.h; done
	for header in maps/*.h; do \
		install -D -m 644 $$header $(DESTDIR)$(PREFIX)/include/sluice/$$header; done
	install -D -m 644 cli/sluice.8 $(DESTDIR)$(PREFIX)/share/man/man8/sluice.8
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's,@PREFIX@,$(PREFIX),' cli/sluice-agent@.service \
		> $(DESTDIR)$(PREFIX)/lib/systemd/system/sluice-agent@.service

clean: ## remove what was built
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
