# SPDX-License-Identifier: MIT
# Compiles ASL to AML, and says nothing but what is wrong; warnings are errors.
# cmake -DIASL=... -DSOURCE=NAME.asl -DTARGET=NAME.aml -P compile-asl.cmake
cmake_path(REMOVE_EXTENSION TARGET OUTPUT_VARIABLE prefix)
execute_process(COMMAND ${IASL} -vs -we -p ${prefix} ${SOURCE}
	OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE result)
if(NOT result EQUAL 0)
	message(FATAL_ERROR "${IASL} ${SOURCE}: ${result}\n${said}")
endif()
