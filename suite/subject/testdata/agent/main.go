// Command agent stands for an agent in source form: it prints its arguments
// and its working directory, and ends.
package main

import (
	"fmt"
	"os"
)

func main() {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	fmt.Printf("%q in %s\n", os.Args[1:], dir)
}
