"""What does the file say? Text, Excel, SPSS, Stata, Parquet and other libraries' tables, as one table of cells."""
