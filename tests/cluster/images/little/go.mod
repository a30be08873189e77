module headway.example/cluster/little

go 1.26.0
