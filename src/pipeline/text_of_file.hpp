#pragma once

#include "datus/core/text.hpp"  // IWYU pragma: export
