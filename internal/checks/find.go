package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agentproof/docs/spec"
)

// A check is one place in a case's source that can break the case.
type check struct {
	file        string // relative to the module, with slashes
	first, last int    // the lines of the call
	name        int    // offset in the file behind the function's name
	call        string // as in "t.Check"
	must        bool   // a case about a MUST reaches it, as far as one can see
}

func (c *check) String() string { return fmt.Sprintf("%s:%d", c.file, c.first) }

// covers tells whether a failure that was noted at a place is this check's.
func (c *check) covers(file string, line int) bool {
	return c.file == file && c.first <= line && line <= c.last
}

// judging are the functions of package engine that compare what came with what
// a clause demands.
var judging = []string{
	"Errorf", "Fatalf", "Check", "Refused", "RefusedAll", "WantError", "Equal", "EqualBytes", "EqualSet", "Same",
}

// find lists the checks of all cases below a module's root.
func find(root string, clauses *spec.Spec) ([]check, error) {
	packages := make(map[string][]string)
	err := filepath.WalkDir(filepath.Join(root, "suite", "cases"), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			packages[filepath.Dir(name)] = append(packages[filepath.Dir(name)], name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the cases' sources: %w", err)
	}
	var all []check
	for _, files := range packages {
		checks, err := findIn(root, files, clauses)
		if err != nil {
			return nil, err
		}
		all = append(all, checks...)
	}
	slices.SortFunc(all, func(a, b check) int {
		return strings.Compare(fmt.Sprintf("%s:%5d", a.file, a.first), fmt.Sprintf("%s:%5d", b.file, b.first))
	})
	return all, nil
}

// findIn lists the checks of one package.
func findIn(root string, files []string, clauses *spec.Spec) ([]check, error) {
	fset := token.NewFileSet()
	pkg := &source{clauses: clauses, calls: make(map[string][]string), should: make(map[string]bool), must: make(map[string]bool)}
	var parsed []*ast.File
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
		pkg.read(f)
	}
	pkg.reach()
	var out []check
	for i, f := range parsed {
		rel, err := filepath.Rel(root, files[i])
		if err != nil {
			return nil, err
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			given := arranging(fn)
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if sel := judges(call, given); sel != nil {
					out = append(out, check{
						file:  filepath.ToSlash(rel),
						first: fset.Position(call.Pos()).Line, last: fset.Position(call.End()).Line,
						name: fset.Position(sel.Sel.End()).Offset, call: exprText(sel), must: !pkg.onlyShould(fn.Name.Name),
					})
				}
				return true
			})
		}
	}
	return out, nil
}

// judges is the name of the function that a call calls if that judges, rather
// than arranges.
func judges(call *ast.CallExpr, given map[string]bool) *ast.SelectorExpr {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains(judging, sel.Sel.Name) {
		return nil
	}
	on, ok := sel.X.(*ast.Ident)
	if !ok || on.Name == "fmt" || given[on.Name] {
		return nil
	}
	if strings.HasPrefix(sel.Sel.Name, "Equal") && on.Name != "engine" {
		return nil // bytes.Equal and its like
	}
	if on.Name == "engine" {
		if t, ok := call.Args[0].(*ast.Ident); !ok || given[t.Name] {
			return nil // a view made by t.Given() or t.Beside()
		}
	}
	return sel
}

// arranging are the variables of a function that hold a view whose failures
// block the case.
func arranging(fn *ast.FuncDecl) map[string]bool {
	names := map[string]bool{"given": true}
	ast.Inspect(fn, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Rhs) != 1 {
			return true
		}
		if call, ok := assign.Rhs[0].(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Given" {
				if id, ok := assign.Lhs[0].(*ast.Ident); ok {
					names[id.Name] = true
				}
			}
		}
		return true
	})
	return names
}

func exprText(sel *ast.SelectorExpr) string { return sel.X.(*ast.Ident).Name + "." + sel.Sel.Name }

// source is what one package's functions call, and which of them cases are.
type source struct {
	clauses *spec.Spec
	calls   map[string][]string
	// must and should hold the functions that a case of that level reaches.
	must, should map[string]bool
}

// read notes the functions and the cases of a file.
func (s *source) read(f *ast.File) {
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				s.calls[fn.Name.Name] = append(s.calls[fn.Name.Name], n.Name)
			case *ast.CompositeLit:
				s.literal(n)
			}
			return true
		})
	}
}

// literal notes the function that a literal of a case runs.
func (s *source) literal(lit *ast.CompositeLit) {
	var clause, runs string
	for _, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, _ := kv.Key.(*ast.Ident)
		switch value := kv.Value.(type) {
		case *ast.BasicLit:
			if key != nil && key.Name == "Clause" {
				clause = strings.Trim(value.Value, `"`)
			}
		case *ast.Ident:
			if key != nil && key.Name == "Run" {
				runs = value.Name
			}
		}
	}
	if c, ok := s.clauses.Clause(clause); ok && runs != "" {
		if c.Level == spec.Must {
			s.must[runs] = true
		} else {
			s.should[runs] = true
		}
	}
}

// reach spreads the levels over what the cases' functions call.
func (s *source) reach() {
	for _, level := range []map[string]bool{s.must, s.should} {
		for grown := true; grown; {
			grown = false
			for fn := range level {
				for _, callee := range s.calls[fn] {
					if _, own := s.calls[callee]; own && !level[callee] {
						level[callee] = true
						grown = true
					}
				}
			}
		}
	}
}

// onlyShould tells whether cases that are no MUST reach a function, and no
// others that one can see.
func (s *source) onlyShould(fn string) bool { return s.should[fn] && !s.must[fn] }
