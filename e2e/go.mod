module github.com/novasphere/wukong/e2e

go 1.26.0

replace github.com/novasphere/wukong/apis => ../apis

replace github.com/novasphere/wukong => ../
