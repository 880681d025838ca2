// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/terminal.h"

#include <langinfo.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

// After all others: its macros have names such as "move".
#define NCURSES_NOMACROS
#include <curses.h>

namespace vqscope {

namespace {

constexpr std::array kFatalSignals = {SIGQUIT, SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};

// What the handler of these needs, which can be told in no other way. Written before the handler is set.
struct Rescue {
  termios modes = {};
  std::array<char, 256> text = {};
  std::size_t size = 0;
};
Rescue rescue;

void restore_and_die(int signal) {
  (void)::tcsetattr(STDOUT_FILENO, TCSANOW, &rescue.modes);
  (void)!::write(STDOUT_FILENO, rescue.text.data(), rescue.size);
  // The handler was reset when it was called.
  (void)::raise(signal);
}

// Of the terminal's description; empty if it has none of that name.
std::string capability(const char* name) {
  const char* const text = ::tigetstr(name);
  return text == nullptr || reinterpret_cast<std::intptr_t>(text) == -1 ? "" : text;
}

void set_up_rescue(const termios& modes) {
  rescue.modes = modes;
  // No delays are written out: no terminal of today needs them. The mouse is told in xterm's way.
  const std::string text = "\x1b[?1000l" + capability("sgr0") + capability("cnorm") + capability("rmcup") + "\r\n";
  rescue.size = std::min(text.size(), rescue.text.size());
  std::memcpy(rescue.text.data(), text.data(), rescue.size);
  struct sigaction action = {};
  action.sa_handler = restore_and_die;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (const int signal : kFatalSignals) ::sigaction(signal, &action, nullptr);
}

enum Colour : short { kGreen = 1, kYellow, kRed };

attr_t attributes_of(Style style, bool colour) {
  const auto in = [colour](Colour pair, attr_t other) {
    return colour ? static_cast<attr_t>(COLOR_PAIR(pair)) | A_BOLD : other;
  };
  switch (style) {
    case Style::kBold: return A_BOLD;
    case Style::kDim: return colour ? A_DIM : A_NORMAL;
    case Style::kGood: return in(kGreen, A_NORMAL);
    case Style::kWarning: return in(kYellow, A_BOLD);
    case Style::kCritical: return in(kRed, A_REVERSE);
    case Style::kSelected: return A_REVERSE;
    case Style::kPlain: break;
  }
  return A_NORMAL;
}

std::optional<Key> key_of(int code) {
  switch (code) {
    case KEY_UP: return kUp;
    case KEY_DOWN: return kDown;
    case KEY_LEFT: return kLeft;
    case KEY_RIGHT: return kRight;
    case KEY_PPAGE: return kPageUp;
    case KEY_NPAGE: return kPageDown;
    case KEY_HOME: return kHome;
    case KEY_END: return kEnd;
    case KEY_F(1): return kF1;
    case KEY_ENTER:
    case '\r':
    case '\n': return kEnter;
    case '\t': return kTab;
    case KEY_BACKSPACE:
    case '\b':
    case 0x7f: return kBackspace;
    default: break;
  }
  return code == kEscape || (code >= ' ' && code < 0x7f) ? std::optional<Key>(static_cast<Key>(code)) : std::nullopt;
}

std::optional<Input> input_of_mouse() {
  MEVENT event = {};
  if (::getmouse(&event) != OK) return std::nullopt;
  if ((event.bstate & BUTTON4_PRESSED) != 0) return Input(Key{kUp});
  if ((event.bstate & BUTTON5_PRESSED) != 0) return Input(Key{kDown});
  if ((event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED)) != 0 && event.y >= 0)
    return Input(Click{static_cast<std::size_t>(event.y)});
  return std::nullopt;
}

}  // namespace

struct Terminal::State {
  SCREEN* screen = nullptr;
  bool colour = false, utf8 = false;
};

bool is_utf8() { return std::string_view(::nl_langinfo(CODESET)) == "UTF-8"; }

Result<std::unique_ptr<Terminal>> Terminal::create() {
  termios modes = {};
  if (::tcgetattr(STDOUT_FILENO, &modes) != 0) return fail_errno("cannot ask the terminal for its modes");
  const char* const type = std::getenv("TERM");
  const auto useless = [type](const char* why) {
    return fail(std::string("the terminal's type, TERM='") + (type == nullptr ? "" : type) + "', " + why +
                "; --once prints one picture on any");
  };
  SCREEN* const screen = ::newterm(nullptr, stdout, stdin);
  if (screen == nullptr) return useless("is not known here");
  if (capability("cup").empty()) {
    ::endwin();
    ::delscreen(screen);
    return useless("cannot go to a place on the screen");
  }
  auto state = std::make_unique<State>();
  state->screen = screen;
  state->utf8 = is_utf8();
  std::unique_ptr<Terminal> terminal(new Terminal(std::move(state)));
  set_up_rescue(modes);
  return terminal;
}

Terminal::Terminal(std::unique_ptr<State> state) : state_(std::move(state)) {
  ::cbreak();
  ::noecho();
  ::nonl();
  ::curs_set(0);
  ::set_escdelay(25);
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, nullptr);
  ::mouseinterval(0);
  const char* const no_colour = std::getenv("NO_COLOR");
  state_->colour = (no_colour == nullptr || *no_colour == '\0') && ::has_colors() && ::start_color() == OK;
  if (!state_->colour) return;
  ::use_default_colors();
  ::init_pair(kGreen, COLOR_GREEN, -1);
  ::init_pair(kYellow, COLOR_YELLOW, -1);
  ::init_pair(kRed, COLOR_RED, -1);
}

Terminal::~Terminal() {
  ::endwin();
  ::delscreen(state_->screen);
  for (const int signal : kFatalSignals) (void)::signal(signal, SIG_DFL);
}

Canvas Terminal::canvas() const {
  return {static_cast<std::size_t>(std::max(::getmaxx(stdscr), 1)),
          static_cast<std::size_t>(std::max(::getmaxy(stdscr), 1)), state_->utf8};
}

void Terminal::paint(const Frame& frame) {
  ::erase();
  const auto height = static_cast<std::size_t>(std::max(::getmaxy(stdscr), 0));
  for (std::size_t y = 0; y < frame.lines.size() && y < height; ++y) {
    ::move(static_cast<int>(y), 0);
    for (const Span& span : frame.lines[y].spans) {
      ::attrset(static_cast<int>(attributes_of(span.style, state_->colour)));
      ::addstr(span.text.c_str());
    }
  }
  ::attrset(A_NORMAL);
  ::refresh();
}

std::optional<Input> Terminal::input() {
  for (int code = ::getch(); code != ERR; code = ::getch()) {
    if (code == KEY_MOUSE) {
      if (auto input = input_of_mouse()) return input;
    } else if (const auto key = key_of(code)) {
      return Input(*key);
    }
  }
  return std::nullopt;
}

void Terminal::resize() {
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return;
  ::resizeterm(size.ws_row, size.ws_col);
}

void Terminal::stop() {
  ::def_prog_mode();
  ::endwin();
  // The library has a handler of its own.
  struct sigaction standard = {}, before = {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGTSTP, &standard, &before);
  sigset_t stopping;
  ::sigemptyset(&stopping);
  ::sigaddset(&stopping, SIGTSTP);
  (void)::raise(SIGTSTP);
  ::pthread_sigmask(SIG_UNBLOCK, &stopping, nullptr);  // here it stops
  ::pthread_sigmask(SIG_BLOCK, &stopping, nullptr);
  ::sigaction(SIGTSTP, &before, nullptr);
  take_again();
}

void Terminal::take_again() {
  ::reset_prog_mode();
  resize();
  ::clearok(stdscr, TRUE);
}

}  // namespace vqscope
