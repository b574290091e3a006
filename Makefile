# SPDX-License-Identifier: Apache-2.0
# Every task of mite; `make help` lists them. There are no lists of files: a source belongs to a
# build by the folder it lies in and by how its name ends:
#   *_simd128.c   only where there is 128-bit SIMD (everywhere here: natively through SIMDe)
#   *_relaxed.c   only in the builds with relaxed SIMD
#   wasm.c        only in WebAssembly
# Objects lie in build/VARIANT/, modules in bindings/js/dist/.

MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.SECONDARY:
Q := $(if $(V),,@)

.PHONY: help build demo site test conformance docs-operators docs-api docs-compatibility lint layers format size \
    models bench bench-kernels fuzz native \
    browsers clean distclean FORCE

# --- Tools: found or fetched by tools/toolchain.sh, which returns at once when all is there ------

ifneq ($(filter-out help clean distclean,$(or $(MAKECMDGOALS),build)),)
ifneq ($(shell tools/toolchain.sh </dev/null >&2 && echo ready),ready)
$(error The tools could not be set up; the reason is above)
endif
include .toolchain/env.mk
export NODE NODE20 NODE24 EMCC CLANG
export PATH := $(dir $(NODE)):$(PATH)
endif

NODE_MODULES := node_modules/.package-lock.json
BENCH_MODULES := bench/node_modules/.package-lock.json

define npm_ci
@echo "  NPM     $(@D)"
$(Q)cd $(dir $(@D)) && $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
@touch $@
endef
$(NODE_MODULES): package-lock.json
	$(npm_ci)
$(BENCH_MODULES): bench/package-lock.json
	$(npm_ci)

# --- Sources --------------------------------------------------------------------------------------

# The core modules have CORE; what is beside it is a side module's. The tests have all.
CORE := $(wildcard runtime/*.c runtime/*/*.c)
RUNTIME := $(CORE) $(wildcard runtime/ops/more/*.c)
CONVERT := $(wildcard convert/*.c convert/*/*.c convert/*/*/*.c)
KERNELS := $(wildcard runtime/kernels/*.c runtime/base/*.c)
HEADERS := $(wildcard runtime/*.[hd]* runtime/*/*.[hd]* runtime/ops/more/*.[hd]* convert/*.[hd]* convert/*/*.[hd]* \
    convert/*/*/*.[hd]*)
TESTS := $(filter-out tests/fuzz/%,$(wildcard tests/*/*.c))
TEST_MAINS := $(if $(TESTS),$(shell grep -l '^int main' $(TESTS)))
FUZZERS := $(wildcard tests/fuzz/*.c)

# --- Variants: $(1) compiles $(2) sources to build/$(1)/…o ---------------------------------------

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
# Products and sums are never fused but where a kernel says so, so that numbers are the same in
# every build.
CFLAGS := -std=c11 $(WARNINGS) -ffp-contract=off -fno-math-errno -fvisibility=hidden \
    -ffunction-sections -fdata-sections -isystem $(STB_DIR) -Iruntime -Iconvert
# The vector kernels run natively through SIMDe, and sessions have threads.
NATIVE_ONLY := -DMITE_NATIVE_SIMD=1 -DMITE_THREADS=1 -pthread -isystem $(SIMDE_DIR)
SIMD := -msimd128
# Modules have atomic instructions; whether their memory is shared is decided where they are loaded.
ATOMICS := -matomics
RELAXED := $(SIMD) -mrelaxed-simd
SANITIZERS := -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# The loops around the products of these are short, too: faster by a tenth for half a kilobyte.
QUICK := $(wildcard runtime/kernels/depthwise_u8_*.c)
# As small as it can be: the other kernels' inner loops are written out by hand, and -O3 or LTO make them
# larger and no faster. Their copies are short, for which V8's bulk instructions are slow.
# What takes no time is smaller still with -Oz (of pictures, that would slow the decoding by a fifth).
COLD := runtime/mite.c runtime/wasm.c runtime/exec/% runtime/format/% runtime/graph/% runtime/plan/% \
    runtime/ops/more/% convert/%
shipped = $(if $(filter $(QUICK),$<),-O2,$(if $(filter $(COLD),$<),-Oz,-Os)) \
    $(if $(filter runtime/kernels/%,$<),,-mbulk-memory)
# Plain C kernels that SIMD ones replace are kept where they are tested.
KEEP_PLAIN := -DMITE_KEEP_PLAIN=1

compile_simd = $(EMCC) $(CFLAGS) $(shipped) $(SIMD) $(ATOMICS)
compile_relaxed = $(EMCC) $(CFLAGS) $(shipped) $(RELAXED) $(ATOMICS)
compile_simd-tests = $(EMCC) $(CFLAGS) $(shipped) $(SIMD) $(KEEP_PLAIN)
compile_relaxed-tests = $(EMCC) $(CFLAGS) $(shipped) $(RELAXED) $(KEEP_PLAIN)
compile_native = $(CLANG) $(CFLAGS) -O1 $(SANITIZERS) $(KEEP_PLAIN) $(NATIVE_ONLY)
# What threads share, once more under the sanitizer that goes with no other.
RACE := -g -fsanitize=thread
compile_race = $(CLANG) $(CFLAGS) -O1 $(RACE) $(KEEP_PLAIN) $(NATIVE_ONLY)
compile_fuzz = $(compile_native) -fsanitize=fuzzer-no-link

# objects VARIANT,SOURCES: the objects of those sources that the variant has.
only_wasm := %wasm.c
only_relaxed := %_relaxed.c
lacks_simd := $(only_relaxed)
lacks_simd-tests := $(only_relaxed)
lacks_native := $(only_relaxed) $(only_wasm)
lacks_fuzz := $(lacks_native)
lacks_race := $(lacks_native)
objects = $(patsubst %.c,build/$(1)/%.o,$(filter-out $(lacks_$(1)),$(2)))

define variant
build/$(1)/%.o: %.c Makefile .toolchain/env.mk
	@mkdir -p $$(@D)
	@echo "  CC      $(1) $$<"
	$$(Q)$$(compile_$(1)) -MMD -MP -c $$< -o $$@
endef
VARIANTS := simd relaxed simd-tests relaxed-tests native race fuzz
$(foreach name,$(VARIANTS),$(eval $(call variant,$(name))))

# What a module or program is linked from, so that it is linked anew when a source goes away.
build/%.list: FORCE
	@mkdir -p $(@D)
	@echo '$(linked)' | cmp -s - $@ || echo '$(linked)' >$@

# --- Modules --------------------------------------------------------------------------------------

DIST := bindings/js/dist
MODULES := mite-simd mite-relaxed mite-more mite-convert
# What most pages do not need lies compressed in the package, which is to be below 1,000,000 bytes; the
# other form of the simd core is for tests and benchmarks.
BUILT := $(DIST)/mite-simd.wasm $(DIST)/mite-simd.wasm.gz $(DIST)/mite-relaxed.wasm $(DIST)/mite-more.wasm.gz $(DIST)/mite-convert.wasm.gz
WASM_LINK := -Oz -sSTANDALONE_WASM -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=4GB \
    -sABORTING_MALLOC=0 -sFILESYSTEM=0 -sSUPPORT_LONGJMP=0
PROGRAM := -sMALLOC=emmalloc -sSTACK_SIZE=128KB
# JavaScript makes the memory, 512 KiB to begin with, and may let several instances share it. Linked
# for shared memory, a module initialises its data once, whoever comes first; the C library need not
# be built for threads, since helpers run kernels only and leave malloc to the caller. The table can
# grow: side modules add to it. tools/seal.mjs then makes of this what the package has.
MODULE_LINK := $(WASM_LINK) -sIMPORTED_MEMORY=1 -sINITIAL_MEMORY=512KB -sALLOW_TABLE_GROWTH=1 \
    -Wl,--shared-memory,--no-check-features -Wl,--export=__stack_pointer \
    -Wl,--export=__global_base,--export=__heap_base
# A side module stands on the core's memory, table, stack and functions (docs/architecture.md,
# "Modules"): what its own sources do not have, its own C library's pure functions apart, it imports.
# Its data and table entries lie at addresses of its own, above the core's; where each begins:
MORE_AT := 229376 1024
CONVERT_AT := 294912 2048
ENDS_AT := 524288 4096
# Made smaller until nothing changes any more.
SIDE_LINK := -sBINARYEN_EXTRA_PASSES=--converge -sMALLOC=none -sSTACK_SIZE=16 -sERROR_ON_UNDEFINED_SYMBOLS=0 \
    -sWARN_ON_UNDEFINED_SYMBOLS=0
placed = -sGLOBAL_BASE=$(word 1,$(1)) -sTABLE_BASE=$(word 2,$(1))

linked_mite-simd := $(call objects,simd,$(CORE))
linked_mite-relaxed := $(call objects,relaxed,$(CORE))
# With those kernels that the core does without, and half floats.
linked_mite-more := $(call objects,simd,$(filter-out $(CORE),$(RUNTIME)) $(filter runtime/kernels/% runtime/base/half.c,$(CORE)))
# With the plain kernels, too, which `convert --check` compares with.
linked_mite-convert := $(call objects,simd,$(CONVERT)) \
    $(call objects,simd-tests,$(filter runtime/kernels/%,$(RUNTIME)))
# The cores not for size alone, which would make int8 depthwise kernels slower by 4 to 20 % to save
# 1 kB.
link_mite-simd := $(SIMD) -O2 $(PROGRAM)
link_mite-relaxed := $(RELAXED) -O2 $(PROGRAM)
link_mite-more := $(SIMD) $(SIDE_LINK) $(call placed,$(MORE_AT)) \
    -Wl,--export=mite_op_list_more
link_mite-convert := $(SIMD) $(SIDE_LINK) $(call placed,$(CONVERT_AT))
# A side module is linked before what it stands on, which exports what it imports.
beside_mite-simd := mite-more mite-convert
beside_mite-relaxed := $(beside_mite-simd)
beside_mite-more := mite-convert
room_mite-simd := $(MORE_AT)
room_mite-relaxed := $(MORE_AT)
room_mite-more := $(CONVERT_AT)
room_mite-convert := $(ENDS_AT)
IMPORTS := build/mite-more.imports build/mite-convert.imports

define module
wanted_$(1) := $(patsubst %,build/%.imports,$(beside_$(1)))
build/$(1).list: linked = $$(linked_$(1))
build/$(1).wasm: $$(linked_$(1)) build/$(1).list $$(wanted_$(1)) Makefile
	@echo "  LINK    $$@"
	$$(Q)$$(EMCC) $$(MODULE_LINK) $$(link_$(1)) --no-entry @build/$(1).list $$(wanted_$(1):%=@%) -o $$@
build/$(1).imports: build/$(1).wasm tools/seal.mjs | $(NODE_MODULES)
	$$(Q)$$(NODE) tools/seal.mjs imports build/$(1).wasm $$@
$(DIST)/$(1).wasm $(DIST)/$(1).wasm.gz: build/$(1).wasm build/id $(IMPORTS) tools/seal.mjs tools/gzip.mjs
	@mkdir -p $$(@D)
	$$(Q)$$(NODE) tools/seal.mjs seal build/id build/$(1).wasm $$@ $$(room_$(1)) $(IMPORTS)
endef
$(foreach name,$(MODULES),$(eval $(call module,$(name))))

# What scripts and modules of one build know one another by: it follows from the modules' contents.
build/id: $(MODULES:%=build/%.wasm) tools/seal.mjs | $(NODE_MODULES)
	$(Q)$(NODE) tools/seal.mjs id $@ $(MODULES:%=build/%.wasm)

# What pages load and what the command runs: the same sources in few files and without comments.
SCRIPTS := $(wildcard bindings/js/src/*.js bindings/js/src/*/*.js)
$(DIST)/index.js: $(SCRIPTS) tools/bundle.mjs tools/delta.mjs tools/gzip.mjs bindings/js/package.json build/id \
    $(DIST)/mite-simd.wasm $(DIST)/mite-relaxed.wasm $(NODE_MODULES)
	@mkdir -p $(@D)
	@echo "  BUNDLE  $@"
	$(Q)$(NODE) tools/bundle.mjs

build: $(BUILT) $(DIST)/index.js ## build the package's modules and scripts

# --- Native tests, with sanitizers, and the kernel checks in WebAssembly --------------------------

# helpers MAIN: the other sources of its folder, shared by the programs there.
helpers = $(filter-out $(TEST_MAINS),$(filter $(dir $(1))%,$(TESTS)))
programs = $(patsubst tests/%.c,build/native/tests/%,$(TEST_MAINS))
NATIVE := $(call objects,native,$(RUNTIME) $(CONVERT))

define program
build/native/$(1).list: linked = $$(NATIVE) $(call objects,native,$(2) $(call helpers,$(2)))
build/native/$(1): $$(NATIVE) $(call objects,native,$(2) $(call helpers,$(2))) build/native/$(1).list
	@echo "  LINK    $$@"
	$$(Q)$$(CLANG) $$(SANITIZERS) @build/native/$(1).list -lm -pthread -o $$@
endef
$(foreach main,$(TEST_MAINS),$(eval $(call program,$(main:.c=),$(main))))

RACED := $(call objects,race,$(RUNTIME))
build/native/%_race: build/race/%.o $(RACED)
	@echo "  LINK    $@"
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(RACE) $^ -lm -pthread -o $@

races := $(patsubst %,build/native/tests/exec/%_race,threads bits)

native: $(programs) $(races) ## build the native tests, with sanitizers

# Kernels alone, so that a check of theirs is soon built.
KERNEL_MAINS := $(filter tests/kernels/%,$(TEST_MAINS))
wasm_programs = $(foreach build,simd relaxed,\
    $(patsubst tests/%.c,build/wasm-tests/$(build)/%.wasm,$(KERNEL_MAINS)))
link_simd := $(SIMD) -O2
link_relaxed := $(RELAXED) -O2

define wasm_program
build/wasm-tests/$(1)/$(2).list: linked = $$(call objects,$(1)-tests,$$(KERNELS) $(3))
build/wasm-tests/$(1)/$(2).wasm: $(call objects,$(1)-tests,$(KERNELS) $(3)) \
    build/wasm-tests/$(1)/$(2).list
	@echo "  LINK    $$@"
	$$(Q)$$(EMCC) $$(WASM_LINK) $$(PROGRAM) $$(link_$(1)) @build/wasm-tests/$(1)/$(2).list -o $$@
endef
wasm_program_of = $(call wasm_program,$(1),$(2:tests/%.c=%),$(2) $(call helpers,$(2)))
$(foreach build,simd relaxed,$(foreach main,$(KERNEL_MAINS),$(eval $(call wasm_program_of,$(build),$(main)))))

# --- Checks ---------------------------------------------------------------------------------------

C_FILES := $(RUNTIME) $(CONVERT) $(HEADERS) $(TESTS) $(FUZZERS) $(wildcard tests/*.h tests/*/*.h)
TIDIED := $(patsubst build/native/%.o,build/lint/%.tidy,$(NATIVE))

# Follows the native object, which follows all the headers that the source includes.
build/lint/%.tidy: build/native/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY    $*.c"
	$(Q)$(CLANG_TIDY) --quiet $*.c -- $(filter-out -Werror,$(CFLAGS)) $(KEEP_PLAIN) \
	    $(NATIVE_ONLY) 2> >(grep -vE '^[0-9]+ warnings? generated|^Suppressed|^Use -' >&2)
	@touch $@

lint: layers $(TIDIED) $(NODE_MODULES) $(BENCH_MODULES) ## check formatting, types and likely mistakes
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
	$(Q)node_modules/.bin/eslint --cache --cache-location build/lint/eslint .
	$(Q)node_modules/.bin/tsc --project .
	@echo "lint: clean"

layers: ## check that includes follow the architecture's arrows
	$(Q)$(NODE) tools/layers.mjs

format: $(NODE_MODULES) ## format the C sources and mend what eslint can
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)
	$(Q)node_modules/.bin/eslint --fix .

browsers:
	$(Q)tools/browsers.sh

test: build native $(wasm_programs) lint browsers $(NODE_MODULES) $(BENCH_MODULES) ## set up, build and run every test
	$(Q)$(NODE24) --test $(sort $(shell find tests -name '*.test.mjs' -not -path '*/node_modules/*'))

conformance: build ## run every conformance case and print the table by operator
	$(Q)$(NODE24) tests/conformance/report.mjs

docs-compatibility: ## write the table of docs/compatibility.md from the last run of its test
	$(Q)$(NODE24) tests/bundlers/table.mjs

docs-operators: conformance ## write the tables of docs/operators.md from a conformance run
	$(Q)$(NODE24) tools/operators.mjs

docs-api: $(NODE_MODULES) ## write docs/api, the package's reference, from its types
	$(Q)$(NODE) tools/api-docs.mjs

size: build ## compare the modules' sizes with the kept ceilings
	$(Q)$(NODE) tools/size.mjs

# make fuzz T=60: each target for so many seconds, from its kept corpus.
T := 60
fuzz_targets := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(FUZZERS))
FUZZED := $(call objects,fuzz,$(RUNTIME) $(CONVERT))
build/fuzz/%: build/fuzz/tests/fuzz/%.o $(FUZZED)
	@echo "  LINK    $@"
	$(Q)$(CLANG) $(SANITIZERS) -fsanitize=fuzzer $^ -lm -pthread -o $@

fuzz: $(fuzz_targets) ## fuzz the readers of files (T=60 seconds each)
	$(Q)for target in $^; do \
	    name=$${target##*/}; corpus=build/fuzz/corpus/$$name; mkdir -p $$corpus; \
	    kept=tests/fuzz/corpus/$$name; [ -d $$kept ] || kept=; \
	    $$target -max_total_time=$(T) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	        -artifact_prefix=build/fuzz/$$name- $$corpus $$kept; \
	done

# --- Models, demo, benchmarks ---------------------------------------------------------------------

MODEL := models/efficientnet-lite0/efficientnet-lite0.int8.mite
SAMPLE := web/demo/samples/coffee.jpg

site: build ## copy the page and all it needs to build/site, for any static host
	$(Q)$(NODE) tools/demo-models.mjs
	$(Q)rm -rf build/site
	$(Q)$(NODE) tools/site.mjs build/site

models: build ## convert the models anew from their sources
	$(Q)for script in models/*/build.mjs; do $(NODE) $$script; done

# The page offers what can be had: without a registry there is no peer, without MITE_SHARED no larger model.
demo: build ## classify a photo here, then serve the demo page (PORT=…, SERVE=0: no page)
	$(Q)$(NODE) bindings/js/bin/mite.mjs classify $(SAMPLE) --model $(MODEL)
	@echo "demo: classified $(SAMPLE) with $(notdir $(MODEL))"
	$(Q)$(NODE) tools/demo-models.mjs
	$(Q)$(if $(filter 0,$(SERVE)),,$(MAKE) $(BENCH_MODULES) || echo "demo: without onnxruntime-web to compare with")
	$(Q)$(if $(filter 0,$(SERVE)),,exec $(NODE) tools/serve.mjs $(if $(PORT),--port $(PORT)))

# make bench BENCH="efficientnet node": networks, hosts and parts, see bench/run.mjs.
bench: build browsers $(NODE_MODULES) $(BENCH_MODULES) ## measure mite beside its peers, in Node and Chromium
	$(Q)$(NODE24) bench/run.mjs $(BENCH)

# make bench-kernels ONLY=depthwise: the layers whose line contains that.
BENCHED := $(foreach build,simd relaxed,build/wasm-tests/$(build)/kernels/check.wasm)
bench-kernels: $(BENCHED) ## measure every kernel beside the registers' peak (ONLY=…)
	$(Q)for module in $^; do $(NODE24) tools/run-wasi.mjs $$module --bench $(if $(ONLY),'$(ONLY)'); done

# --- Housekeeping ---------------------------------------------------------------------------------

clean: ## remove what was built
	$(Q)rm -rf build $(DIST)

distclean: clean ## remove what was fetched, too
	$(Q)rm -rf .toolchain node_modules bench/node_modules

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST) | sort

ALL_OBJECTS := $(foreach name,$(VARIANTS),$(call objects,$(name),$(RUNTIME) $(CONVERT) \
    $(TESTS) $(FUZZERS)))
-include $(ALL_OBJECTS:.o=.d)
