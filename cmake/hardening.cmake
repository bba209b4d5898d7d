# SPDX-License-Identifier: MIT
# What compiler and linker can do against a fault that is exploited: nestor reads hostile files, and
# hostile guests talk to it. `scripts/check` holds the binary to it.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckCXXCompilerFlag)
include(CheckLinkerFlag)

# The highest level of _FORTIFY_SOURCE that the C library has for this compiler: 3 (which also
# checks sizes known only at run time) since glibc 2.34 with gcc 12 or clang 9, else 2.
function(nestor_fortify_level ret_level)
	set(CMAKE_REQUIRED_FLAGS "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
	check_c_source_compiles("
		#include <string.h>
		#if !defined(__USE_FORTIFY_LEVEL) || __USE_FORTIFY_LEVEL < 3
		#error not here
		#endif
		int main(void) { return 0; }" NESTOR_HAS_FORTIFY_3)
	set(level 2)
	if(NESTOR_HAS_FORTIFY_3)
		set(level 3)
	endif()
	set(${ret_level} ${level} PARENT_SCOPE)
endfunction()

# For every target of the directories that come after. A macro: it adds to the caller's own.
macro(nestor_harden)
	set(CMAKE_POSITION_INDEPENDENT_CODE ON)
	add_compile_options(-fstack-protector-strong)
	foreach(flag stack-clash-protection cf-protection)
		string(MAKE_C_IDENTIFIER "NESTOR_HAS_${flag}" known)
		check_c_compiler_flag(-f${flag} ${known}_C)
		check_cxx_compiler_flag(-f${flag} ${known}_CXX)
		if(${known}_C AND ${known}_CXX)
			add_compile_options(-f${flag})
		endif()
	endforeach()
	add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
	# Relative relocations packed into bitmaps: a tenth of the pages to read at each start.
	check_linker_flag(C -Wl,-z,pack-relative-relocs NESTOR_HAS_pack_relative_relocs)
	if(NESTOR_HAS_pack_relative_relocs)
		add_link_options(-Wl,-z,pack-relative-relocs)
	endif()
	# Sanitizers have checks of their own, and FORTIFY needs an optimising compiler. -U: some
	# compilers set a level of their own.
	if(NOT NESTOR_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
		nestor_fortify_level(level)
		add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${level})
	endif()
	# Functions and data that nobody uses stay out, most of them the libraries'. Less to map,
	# and less to relocate at each start.
	if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
		add_compile_options(-ffunction-sections -fdata-sections)
		add_link_options(-Wl,--gc-sections)
	endif()
endmacro()
