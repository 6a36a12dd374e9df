// What the shared library exports: everything inside `namespace WAVESTRIDE_API wavestride { … }`. All else is
// compiled with hidden visibility.
#pragma once

#define WAVESTRIDE_API [[gnu::visibility("default")]]
