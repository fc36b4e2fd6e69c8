// Carries the precompiled Arrow headers; see cmake/MillraceModule.cmake.
