//! The kinds of AWS resources, one a file.
