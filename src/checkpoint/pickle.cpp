#include "checkpoint/pickle.h"

#include <array>
#include <bit>
#include <charconv>
#include <unordered_map>

namespace wavestride::detail {
namespace {

using Kind = PickleValue::Kind;
using Items = std::vector<const PickleValue*>;

constexpr Index max_bytes = 64 << 20;
constexpr std::size_t max_values = 1 << 21, max_places = 2 * max_values;

enum class Do : std::uint8_t {
  refuse,
  refuse_text,  // of protocol 0
  nothing,
  stop,
  mark,
  pop,
  pop_to_mark,
  duplicate,
  constant,  // of this kind, shared; a boolean's value is `count`
  create,    // an empty container
  integer,   // the operand
  negative,  // the operand, with its sign
  wide,      // an integer of as many bytes as the operand says
  decimal,   // an integer on a line of text, "00" and "01" truth values
  real,      // the operand's bytes, last first
  string,    // as many bytes as the operand says
  gather,    // values from the stack into a container
  add,       // values from the stack to the container below them
  global,    // two lines, or two texts from the stack
  call,      // the callable and its arguments from the stack
  build,
  persistent,
  memo_put,   // under the operand
  memo_next,  // under the next number
  memo_get
};

constexpr int to_mark = -1;

struct Opcode {
  std::uint8_t code;
  Do action = Do::refuse;
  int operand = 0;  // its bytes
  Kind kind = Kind::none;
  int count = 0;  // of values taken from the stack, or to_mark
};

// https://docs.python.org/3/library/pickletools.html
constexpr Opcode opcodes[] = {
    {'.', Do::stop},
    {0x80, Do::nothing, 1},  // PROTO
    {0x95, Do::nothing, 8},  // FRAME
    {'(', Do::mark},
    {'0', Do::pop},
    {'1', Do::pop_to_mark},
    {'2', Do::duplicate},
    {'N', Do::constant, 0, Kind::none},
    {0x88, Do::constant, 0, Kind::boolean, 1},
    {0x89, Do::constant, 0, Kind::boolean, 0},
    {')', Do::constant, 0, Kind::tuple},
    {']', Do::create, 0, Kind::list},
    {'}', Do::create, 0, Kind::dict},
    {0x8f, Do::create, 0, Kind::set},
    {'K', Do::integer, 1},
    {'M', Do::integer, 2},
    {'J', Do::negative, 4},
    {0x8a, Do::wide, 1},
    {0x8b, Do::wide, 4},
    {'I', Do::decimal},  // by protocol 1, as the next
    {'L', Do::decimal},
    {'G', Do::real, 8},
    {'X', Do::string, 4, Kind::text},
    {0x8c, Do::string, 1, Kind::text},
    {0x8d, Do::string, 8, Kind::text},
    {'T', Do::string, 4, Kind::text},  // str of Python 2
    {'U', Do::string, 1, Kind::text},
    {'B', Do::string, 4, Kind::bytes},
    {'C', Do::string, 1, Kind::bytes},
    {0x8e, Do::string, 8, Kind::bytes},
    {0x96, Do::string, 8, Kind::bytes},  // bytearray
    {'t', Do::gather, 0, Kind::tuple, to_mark},
    {0x85, Do::gather, 0, Kind::tuple, 1},
    {0x86, Do::gather, 0, Kind::tuple, 2},
    {0x87, Do::gather, 0, Kind::tuple, 3},
    {'l', Do::gather, 0, Kind::list, to_mark},
    {'d', Do::gather, 0, Kind::dict, to_mark},
    {0x91, Do::gather, 0, Kind::set, to_mark},  // frozenset
    {'a', Do::add, 0, Kind::list, 1},
    {'e', Do::add, 0, Kind::list, to_mark},
    {0x90, Do::add, 0, Kind::set, to_mark},
    {'s', Do::add, 0, Kind::dict, 2},
    {'u', Do::add, 0, Kind::dict, to_mark},
    {'c', Do::global, 0, Kind::none, 0},
    {0x93, Do::global, 0, Kind::none, 2},
    {'R', Do::call, 0, Kind::none, 2},
    {0x81, Do::call, 0, Kind::none, 2},  // cls.__new__(cls, *args)
    {0x92, Do::call, 0, Kind::none, 3},  // the same with keyword arguments
    {'b', Do::build},
    {'Q', Do::persistent},
    {'q', Do::memo_put, 1},
    {'r', Do::memo_put, 4},
    {0x94, Do::memo_next},
    {'h', Do::memo_get, 1},
    {'j', Do::memo_get, 4},
    {'F', Do::refuse_text},
    {'P', Do::refuse_text},
    {'S', Do::refuse_text},
    {'V', Do::refuse_text},
    {'g', Do::refuse_text},
    {'i', Do::refuse_text},
    {'p', Do::refuse_text},
};

constexpr auto by_code = [] {
  std::array<Opcode, 256> table{};
  for (const Opcode& o : opcodes) table[o.code] = o;
  return table;
}();

// The stack machine that a pickle is a program for. Where Python would call something, it notes down what.
class Machine {
 public:
  Machine(ByteReader& in, std::deque<PickleValue>& values)
      : in_(in), values_(values), begin_(in.position()) {}

  const PickleValue* run() {
    for (;;) {
      const Opcode& opcode = by_code[in_.byte()];
      if (opcode.action == Do::stop) return pop();
      step(opcode);
      if (in_.position() - begin_ > max_bytes || values_.size() + memo_.size() > max_values ||
          taken_ + stack_.size() + marks_.size() > max_places)
        fail("is larger than any checkpoint's");
    }
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    in_.file().fail("its pickle ", parts..., " (before byte ", in_.position(), ")");
  }

  void step(const Opcode& o) {
    std::uint64_t operand = 0;
    in_.read(std::as_writable_bytes(std::span(&operand, 1)).first(static_cast<std::size_t>(o.operand)));
    switch (o.action) {
      case Do::refuse:
      case Do::stop:
        fail("has an opcode that is not read");
      case Do::refuse_text:
        fail("is of protocol 0, by which PyTorch itself loads no tensors: save it by a later one");
      case Do::nothing:
        return;
      case Do::mark:
        return marks_.push_back(stack_.size());
      case Do::pop:
        if (!marks_.empty() && marks_.back() == stack_.size()) return marks_.pop_back();
        pop();
        return;
      case Do::pop_to_mark:
        take(to_mark);
        return;
      case Do::duplicate:
        return stack_.push_back(top());
      case Do::constant:
        return constant(o);
      case Do::create:
        push(o.kind);
        return;
      case Do::integer:
        push(Kind::integer).integer = static_cast<std::int64_t>(operand);
        return;
      case Do::negative:
        push(Kind::integer).integer = static_cast<std::int32_t>(operand);
        return;
      case Do::wide:
        return wide(in_.text(operand));
      case Do::decimal:
        return decimal(in_.line());
      case Do::real:
        push(Kind::real).real = std::bit_cast<double>(__builtin_bswap64(operand));
        return;
      case Do::string:
        push(o.kind).text = in_.text(operand);
        return;
      case Do::gather: {
        Items items = take(o.count);
        if (o.kind == Kind::dict) require_pairs(items);
        push(o.kind).items = std::move(items);
        return;
      }
      case Do::add:
        return add(o.kind, take(o.count));
      case Do::global:
        return global(take(o.count));
      case Do::call: {
        const Items items = take(o.count);
        PickleValue& call = push(Kind::call);
        call.callable = items[0];
        call.arguments = items[1];
        return;
      }
      case Do::build:
        return build(pop());
      case Do::persistent: {
        const PickleValue* name = pop();
        push(Kind::persistent).arguments = name;
        return;
      }
      case Do::memo_put:
        memo_[operand] = top();
        return;
      case Do::memo_next:
        memo_[memo_.size()] = top();
        return;
      case Do::memo_get: {
        const auto it = memo_.find(operand);
        if (it == memo_.end()) fail("recalls number ", operand, ", which it never noted");
        return stack_.push_back(it->second);
      }
    }
  }

  PickleValue& push(Kind kind) {
    PickleValue& value = values_.emplace_back();
    value.kind = kind;
    stack_.push_back(&value);
    return value;
  }

  PickleValue* top() const {
    if (stack_.size() == (marks_.empty() ? 0 : marks_.back())) fail("takes a value that is not there");
    return stack_.back();
  }

  PickleValue* pop() {
    PickleValue* value = top();
    stack_.pop_back();
    return value;
  }

  /// The last values in the order in which they came.
  Items take(int count) {
    if (count == to_mark && marks_.empty()) fail("takes values to a mark that is not there");
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    const std::size_t n = count == to_mark ? stack_.size() - floor : static_cast<std::size_t>(count);
    if (n > stack_.size() - floor) fail("takes ", n, " values where ", stack_.size() - floor, " are");
    const Items items(stack_.end() - static_cast<std::ptrdiff_t>(n), stack_.end());
    stack_.resize(stack_.size() - n);
    taken_ += n;
    if (count == to_mark) marks_.pop_back();
    return items;
  }

  /// What can't change is made once, however often it is named.
  void constant(const Opcode& o) {
    PickleValue*& shared = constants_[o.code];
    if (shared) return stack_.push_back(shared);
    shared = &push(o.kind);
    shared->integer = o.count;
  }

  void wide(std::string bytes) {
    PickleValue& value = push(bytes.size() > 8 ? Kind::big_integer : Kind::integer);
    if (bytes.size() > 8) {
      value.text = std::move(bytes);
      return;
    }
    if (bytes.empty()) return;
    bytes.resize(8, bytes.back() & 0x80 ? '\xff' : '\0');
    std::memcpy(&value.integer, bytes.data(), 8);
  }

  void decimal(std::string digits) {
    if (digits == "00" || digits == "01") {
      push(Kind::boolean).integer = digits == "01";
      return;
    }
    if (digits.ends_with('L')) digits.pop_back();
    std::int64_t integer = 0;
    const char* const end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, integer);
    if (at != end || error == std::errc::invalid_argument) fail("has an integer that is none");
    if (error == std::errc())
      push(Kind::integer).integer = integer;
    else
      push(Kind::text).text = std::move(digits);
  }

  void require_pairs(const Items& items) const {
    if (items.size() % 2 != 0) fail("has a key without a value");
  }

  /// To a container of this kind, or to the result of a call, which may be any container.
  void add(Kind kind, const Items& items) {
    PickleValue& to = *top();
    const bool keyed = kind == Kind::dict, first = to.items.empty();
    if (keyed) require_pairs(items);
    if (!to.is(kind) && !(to.is(Kind::call) && (first || to.keyed == keyed)))
      fail("adds items to what holds none");
    to.keyed = keyed;
    to.items.insert(to.items.end(), items.begin(), items.end());
  }

  void global(const Items& names) {
    std::string name;
    if (names.empty()) {
      name = in_.line();
      name += '.';
      name += in_.line();
    } else {
      if (!names[0]->is(Kind::text) || !names[1]->is(Kind::text)) fail("names a function by no text");
      name = names[0]->text + "." + names[1]->text;
    }
    push(Kind::global).text = std::move(name);
  }

  /// State that containers are given besides their items is of no interest.
  void build(const PickleValue* state) {
    if (PickleValue* value = top(); value->is(Kind::call)) value->state = state;
  }

  ByteReader& in_;
  std::deque<PickleValue>& values_;
  Index begin_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::size_t taken_ = 0;           // from the stack into containers and calls
  std::unordered_map<std::uint64_t, PickleValue*> memo_;
  std::array<PickleValue*, 256> constants_{};
};

}  // namespace

Pickle::Pickle(ByteReader& in) {
  const Index begin = in.position();
  root_ = Machine(in, values_).run();
  bytes_ = in.position() - begin;
}

}  // namespace wavestride::detail
