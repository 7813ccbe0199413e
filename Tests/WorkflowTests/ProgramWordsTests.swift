// Which programs a command's text starts.

import Testing
import Workflow

@Suite struct ProgramWordsTests {
  /// A line; the programs in it, `!` behind a certain one, `@folder` where it isn't the root; what isn't known.
  static let lines: [(line: String, programs: [String], unknown: [String])] = [
    ("python3 fit.py", ["python3!"], []),
    ("cd sub && python3 fit.py", ["python3@sub"], []),
    ("cd a; cd b/c\n./fit.py", ["./fit.py@a/b/c"], []),
    ("cd /opt/x && ./fit", ["./fit@/opt/x"], []),
    ("cd \"$HOME\" && ./fit; python3", ["./fit@?", "python3@?"], []),
    ("(cd sub; ./a); ./b", ["./a@sub", "./b"], []),
    ("A=1 B='x y' ./bin/x y", ["./bin/x!"], []),
    ("A=1", [], []),
    ("env python3 fit.py", ["env!", "python3"], []),
    ("env -i -u B A=1 C=2 python3 x", ["env!", "python3"], []),
    ("/usr/bin/env -u B -- python3", ["/usr/bin/env!", "python3"], []),
    ("exec python3 fit.py", ["python3!"], []),
    ("exec -a name python3", ["python3!"], []),
    ("time -p python3 fit.py", ["python3!"], []),
    ("command -v python3", [], []),
    ("nice -n 5 nohup timeout -k 1 10m python3 x", ["nice!", "nohup", "timeout", "python3"], []),
    ("'my program' x", ["my program!"], []),
    ("\"py\"thon'3' x", ["python3!"], []),
    ("pyth\\\non3 x", ["python3!"], []),
    ("a | b |& c && d || e; f & g", ["a!", "b", "c", "d", "e", "f", "g"], []),
    ("echo x\nset -e\npython3 a.py # python4 b.py\npython3 b.py", ["python3"], []),
    ("if a; then b; elif c; then d; else e; fi | f", ["a", "b", "c", "d", "e", "f"], []),
    ("while ! a; do b; done < x", ["a", "b"], []),
    ("for x in y z; do a $x; done; b", ["a", "b"], []),
    ("for x in $(seq 3); do a; done", ["seq", "a"], []),
    (
      "case $x in a|b) one;; (c) two | three ;; *) four; esac; five",
      ["one", "two", "three", "four", "five"], []
    ),
    ("case x in a) case y in b) one;; esac;; c) two;; esac", ["one", "two"], []),
    ("f() { a; }; f x; b", ["a", "b"], []),
    ("function f { a; }; f", ["a"], []),
    ("{ a; b; }", ["a", "b"], []),
    ("x=$(a -b \"$(c)\") d", ["d!", "a", "c"], []),
    ("echo `a \\`b\\``", ["a", "b"], []),
    ("echo \"$(cd x; ./a)\"; ./b", ["./a@x", "./b"], []),
    ("echo $((1 + (2)))", [], []),
    ("diff <(a) <(b)", ["diff!", "a", "b"], []),
    ("cat <<EOF | a\nnot this\nEOF\nb", ["cat!", "a", "b"], []),
    ("cat <<-'E O'\n\tnot $(this)\n\tE O\nb", ["cat!", "b"], []),
    ("2>/dev/null a >x 2>&1 <y; b &> z", ["a!", "b"], []),
    ("sh -ec 'a; b'; c", ["sh!", "a", "b", "c"], []),
    ("bash -c \"a $x\"", ["bash!"], ["bash -c \"a $x\""]),
    ("find . -name x -exec a {} \\;", ["find!", "a"], []),
    ("ls | xargs -n 1 a", ["ls!", "xargs", "a"], []),
    ("$tool x", [], ["$tool"]),
    ("\"$dir/a\" x", [], ["\"$dir/a\""]),
    ("bin/a* x", [], ["bin/a*"]),
    ("eval \"$x\"", [], ["eval"]),
    ("PATH=x:$PATH a", ["a!"], ["PATH=x:$PATH"]),
    ("export PATH=x; a", ["a"], ["PATH=x"]),
    ("uv run a.py", ["uv!"], ["uv run"]),
    ("${in.1} x > ${out.y}", [], []),
    (". .venv/bin/activate; python3 x", [".venv/bin/activate", "python3+.venv/bin"], []),
    ("test -f x && [ a = b ] && a", ["a"], []),
    ("a; a x; cd b; a", ["a!", "a@b"], []),
    ("", [], []), ("'", ["!"], []), ("$(", [], ["$("]), ("`", [], ["`"]), (")", [], []), ("<<", [], []),
    ("case", [], []), ("for", [], []), ("\\", ["!"], []), ("${", [], ["${"]), ("a <<x", ["a!"], []),
  ]

  @Test(
    "B8: programs are seen through cd, env, exec, quotes, pipes and the shell's grammar", arguments: lines)
  func programs(_ entry: (line: String, programs: [String], unknown: [String])) {
    let found = ProgramWords(entry.line)
    let texts = found.starts.map { start in
      start.word + (start.directory == "" ? "" : "@" + (start.directory ?? "?"))
        + (start.activated.map { "+" + $0 } ?? "") + (start.isCertain ? "!" : "")
    }
    #expect(texts == entry.programs)
    #expect(found.unknown == entry.unknown)
  }

  @Test func otherWordsCountFromTheRoot() {
    let line = """
      cd sub && python3 fit.py --config=a.yaml --rate 3 "in put.csv" $x < data.bin > out.txt; cd /opt; cat x
      """
    #expect(
      ProgramWords(line).words
        == ["sub/data.bin", "sub/fit.py", "sub/a.yaml", "sub/3", "sub/in put.csv", "/opt/x"])
  }
}
