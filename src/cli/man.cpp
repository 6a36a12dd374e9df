#include "cli/man.h"

#include <CLI/CLI.hpp>

namespace wavestride::cli {
namespace {

// Text that roff takes as it is: no line begins with a control character, backslashes and hyphens are their
// own.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += std::string("\\&") + c;
    else
      out += c;
  }
  return out;
}

// The words that --help shows for an option: "--rate NUMBER", "FILES ...".
std::string spelling(const CLI::Option& option) {
  std::string text = option.get_positional() ? option.get_name(true) : option.get_name(false, true);
  if (option.get_type_size() > 0 && !option.get_positional()) {
    if (!option.get_type_name().empty()) text += ' ' + option.get_type_name();
    if (!option.get_default_str().empty()) text += " [" + option.get_default_str() + "]";
    if (option.get_required()) text += " (required)";
  }
  return text;
}

void append_options(std::string& page, const CLI::App& app) {
  for (const CLI::Option* option :
       app.get_options([](const CLI::Option* o) { return !o->get_group().empty(); }))
    page += ".TP\n.B " + roff(spelling(*option)) + "\n" + roff(option->get_description()) + "\n";
}

void append_command(std::string& page, const CLI::App& app, const std::string& name) {
  page += ".SS " + roff(name) + "\n" + roff(app.get_description()) + "\n";
  append_options(page, app);
  for (const CLI::App* sub : app.get_subcommands({}))
    append_command(page, *sub, name + " " + sub->get_name());
}

}  // namespace

std::string manual_page(const CLI::App& app, const std::string& version) {
  std::string page = ".TH WAVESTRIDE 1 \"\" \"wavestride " + version +
                     "\" \"User Commands\"\n.SH NAME\nwavestride \\- " + roff(app.get_description()) +
                     "\n.SH SYNOPSIS\n.B wavestride\n.I COMMAND\n.RI [ OPTIONS ]\n.SH OPTIONS\n";
  append_options(page, app);
  page += ".SH COMMANDS\n";
  for (const CLI::App* sub : app.get_subcommands({}))
    append_command(page, *sub, "wavestride " + sub->get_name());
  return page + ".SH FILES AND EXIT CODES\n" + roff(app.get_footer()) + "\n";
}

}  // namespace wavestride::cli
