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
HARNESS_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/harness/*.c))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*.c))
BPF_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bpf/*.c))
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard bench/*.c))
BPF_FLOORS := $(patsubst %.bpf.c,$(BUILD)/%.skel.h,$(wildcard bench/*.bpf.c))
BENCHES := $(filter-out %.bpf,$(BENCHES))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help clean

all: $(BUILD)/sluice $(BUILD)/libsluice.a $(BUILD)/libsluice.so ## build the switch

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- the BPF object and its skeleton ---

$(BUILD)/vmlinux/generate: vmlinux/generate.c
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

$(BUILD)/loader/%.o: loader/%.c $(BUILD)/bpf/sluice.skel.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c $< -o $@

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c $< -o $@

$(BUILD)/libsluice.a: $(LOADER_OBJECTS)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/libsluice.so: $(LOADER_OBJECTS)
	$(CC) $(CFLAGS) $(SANITIZE) -shared -o $@ $^ $(PKG_LIBS)

$(BUILD)/sluice: $(CLI_OBJECTS) $(BUILD)/libsluice.a
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PKG_LIBS)

# --- test, fuzz and bench programs: one file each, with the harness and the library ---

$(UNIT_TESTS) $(BPF_TESTS) $(FUZZERS): $(BUILD)/%: $(BUILD)/%.o $(HARNESS_OBJECTS) $(BUILD)/libsluice.a
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PKG_LIBS) -lcmocka

$(BENCHES): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libsluice.a
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PKG_LIBS) -lm

$(BENCHES:=.o): $(BPF_FLOORS)

clean: ## remove what was built
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
