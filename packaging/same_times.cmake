# SPDX-License-Identifier: GPL-2.0-or-later
# Everything in a package has the commit's time, whenever the tree was checked out.
execute_process(COMMAND find ${CPACK_TEMPORARY_DIRECTORY} -exec touch -h -d @$ENV{SOURCE_DATE_EPOCH} {} +
  COMMAND_ERROR_IS_FATAL ANY)
